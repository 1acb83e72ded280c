namespace Tessera.Vision;

/// <summary>A folder whose sub-folders are the set that trains and the one that validates.</summary>
/// <param name="Root">The folder above both.</param>
/// <param name="TrainName">The sub-folder of training photos.</param>
/// <param name="ValidName">The sub-folder of validation photos.</param>
readonly record struct TwoFolders(string Root, string TrainName, string ValidName)
{
    public const string Train = "train", Valid = "valid";
    const string Short = "val";

    /// <summary>The two, where both are there.</summary>
    public static TwoFolders? Find(string root, string train, string valid) =>
        !Has(root, train) ? null
        : Has(root, valid) ? new(root, train, valid)
        : valid == Valid && Has(root, Short) ? new(root, train, Short)
        : null;

    /// <summary>Nothing is random that somebody meant to be the photos of a folder.</summary>
    /// <exception cref="DataException">One of the two is there without the other, or they were named and are not there.</exception>
    public static void Check(TwoFolders? found, string root, string train, string valid)
    {
        bool named = train != Train || valid != Valid, one = Has(root, train) || Has(root, valid) || Has(root, Short);
        if (found is not null || !(named || one)) return;
        string[] folders = [.. Directory.EnumerateDirectories(root).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];
        string got = folders.Length == 0 ? "none" : string.Join(", ", folders.Take(8)) + (folders.Length > 8 ? ", ..." : "");
        throw new DataException(
            $"{root}: not both folders of a split: got the sub-folders {got}, expected '{train}' and '{valid}'. "
                + "Hint: name the two that are meant, "
                + "or set ImageDataOptions.ValidFraction (--valid in a shell) to hold back a random share of all photos below.");
    }

    /// <summary>What is said where neither is there, nor named.</summary>
    public static string Missing(string root) =>
        $"{root} has no folders {Train}/ and {Valid}/ (or {Short}/): a random fifth of the photos is held back. "
            + "ImageDataOptions.ValidFraction (--valid in a shell) sets the share.";

    /// <summary>The photos of both.</summary>
    public ImageList Photos() =>
        ImageList.FromPaths([.. ImageFiles.In(Path.Combine(Root, TrainName), recurse: true), .. ImageFiles.In(Path.Combine(Root, ValidName), recurse: true)], Root);

    static bool Has(string root, string folder) => Directory.Exists(Path.Combine(root, folder));
}
