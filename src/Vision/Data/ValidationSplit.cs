using System.Security.Cryptography;
using System.Text;

namespace Tessera.Vision;

/// <summary>
/// Which photos are held back for validation, without naming them. It is recorded in a bunch and in every model file, so that a later report can be about the
/// same photos, or say that it is not.
/// </summary>
/// <param name="Seed">Seed of the split.</param>
/// <param name="Share">The share that was drawn at random; null where folders, a column, a function or names chose.</param>
/// <param name="Count">Photos held back.</param>
/// <param name="Sha256">64 hexadecimal digits: the SHA-256 of their sorted paths from <see cref="ImageDataBunch.Root"/>, each with forward slashes and followed by a line feed.</param>
public sealed record ValidationSplit(ulong Seed, double? Share, int Count, string Sha256)
{
    internal static ValidationSplit Of(LabeledSplit labeled, ulong seed)
    {
        string root = labeled.Split.List.Root;
        var names = labeled.Valid.Select(photo => ImageDataset.PathFrom(root, photo.Path)).Order(StringComparer.Ordinal);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(names.Select(name => name + "\n"))));
        return new(labeled.Split.Share is null ? seed : labeled.Split.Seed, labeled.Split.Share, labeled.Valid.Count, Convert.ToHexStringLower(hash));
    }

    /// <summary>Whether the same photos are held back, whatever chose them.</summary>
    public bool HasSamePhotos(ValidationSplit? other) => other is not null && Sha256.Equals(other.Sha256, StringComparison.Ordinal);

    /// <summary>Nothing is missing, and the numbers are possible.</summary>
    internal bool IsWhole() => Share is null or (>= 0 and < 1) && Count >= 0 && Sha256 is { Length: 2 * SHA256.HashSizeInBytes } && Sha256.All(char.IsAsciiHexDigitLower);

    /// <summary>The count and what chose the photos.</summary>
    public override string ToString() => Share is { } share
        ? FormattableString.Invariant($"{Count} photos, {share} at random with seed {Seed}")
        : FormattableString.Invariant($"{Count} photos, not at random");
}
