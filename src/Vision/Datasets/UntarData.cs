using System.Security.Cryptography;

namespace Tessera.Vision;

/// <summary>
/// Fetches a data set once and unpacks it. What was fetched lies in a home folder: <c>TESSERA_HOME</c>, else <c>.tessera</c> in the user's folder,
/// with archives in <c>archives/</c> and data sets in <c>data/</c>. Nothing is fetched where <c>data/name</c> or <c>data/name.tgz</c> is
/// in the working directory, or <c>name</c> or <c>name.tgz</c> in the folder that <c>TESSERA_DATASETS</c> names.
/// </summary>
public static class UntarData
{
    const int mebibyte = 1 << 20;

    /// <summary>
    /// The folder of a data set. The first call fetches the archive, resuming where an earlier one broke off, checks it, and unpacks it into a temporary
    /// folder that is then renamed, so that a folder is there whole or not at all; a later call costs nothing. An archive in the home folder whose length
    /// or checksum is not the data set's is fetched again. Entries that lead out of the folder, devices, and archives that unpack to more than 100 times
    /// their length are refused.
    /// </summary>
    /// <param name="dataset">One of <see cref="Datasets"/>, or an address.</param>
    /// <param name="options">Another place, a local source, progress, patience.</param>
    /// <param name="cancellation">Stops; what came in so far is kept for the next call.</param>
    /// <returns>The full path of the folder.</returns>
    /// <exception cref="DataException">The archive cannot be fetched, is not the expected one or cannot be unpacked; the message says how to do it by hand.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static string Get(DatasetUrl dataset, UntarOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        options ??= new UntarOptions();
        string home = Home(), data = options.Destination ?? Path.Combine(home, "data");
        try
        {
            return Path.GetFullPath(Local(dataset, options) is { } local
                ? FromLocal(local.Path, local.Into ?? data, options, cancellation)
                : FromAddress(dataset, Path.Combine(data, dataset.Name), Path.Combine(home, "archives", dataset.Name + ".tgz"), options, cancellation));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                $"{data}: cannot be written: {e.Message.TrimEnd('.')}. "
                    + $"Hint: check free disk space and rights, or {(options.Destination is null ? "set TESSERA_HOME to" : "unpack into")} another folder.", e);
        }
    }

    static string Home() => Environment.GetEnvironmentVariable("TESSERA_HOME") is { Length: > 0 } home
        ? home
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".tessera");

    /// <summary>A folder or archive on this machine, and where the archive is to be unpacked unless in the usual place.</summary>
    static (string Path, string? Into)? Local(DatasetUrl dataset, UntarOptions options)
    {
        if (options.Source is { } source)
            return Path.Exists(source) ? (source, null) : throw new DataException($"{source}: no such folder or archive. Hint: Source names a folder, or an archive such as {dataset.Name}.tgz.");
        if (options.Force || options.Destination is not null) return In(Environment.GetEnvironmentVariable("TESSERA_DATASETS"));
        return In("data") is { } here ? (here.Path, "data") : In(Environment.GetEnvironmentVariable("TESSERA_DATASETS"));

        (string Path, string? Into)? In(string? folder)
        {
            if (string.IsNullOrEmpty(folder)) return null;
            string own = Path.Combine(folder, dataset.Name);
            return Directory.Exists(own) ? (own, null) : DatasetUrl.ArchiveIn(folder, dataset.Name) is { } archive ? (archive, null) : null;
        }
    }

    static string FromLocal(string local, string data, UntarOptions options, CancellationToken cancellation)
    {
        if (Directory.Exists(local)) return local;
        string name = DatasetUrl.NameOf(Path.GetFileName(local)), folder = Path.Combine(data, name);
        if (string.Equals(folder, local, StringComparison.Ordinal)) folder += ".folder"; // an archive without an ending
        using var mine = PathLock.Of(folder, cancellation);
        if (options.Force) Drop(folder);
        if (!Directory.Exists(folder)) TarArchive.Extract(local, folder, name, options.Progress, cancellation);
        return folder;
    }

    static string FromAddress(DatasetUrl dataset, string folder, string archive, UntarOptions options, CancellationToken cancellation)
    {
        bool Outdated() => File.Exists(archive) && Difference(archive, dataset, whole: false) is not null;
        if (Directory.Exists(folder) && !options.Force && !Outdated()) return folder;
        using var mine = PathLock.Of(folder, cancellation);
        using var also = PathLock.Of(archive, cancellation);
        if (options.Force || Outdated())
        {
            options.Progress?.Invoke(new(dataset.Name, UntarStep.NewVersion, 0, dataset.Bytes));
            File.Delete(archive);
            Drop(folder);
        }
        if (Directory.Exists(folder)) return folder;
        string byHand = $"Hint: fetch and unpack it by hand: mkdir -p '{Path.GetDirectoryName(archive)}' '{Path.GetDirectoryName(folder)}'; curl -L -C - -o '{archive}' '{dataset}'; "
            + $"tar -xzf '{archive}' -C '{Path.GetDirectoryName(folder)}'. Or set TESSERA_DATASETS to a folder that holds {dataset.Name} or {dataset.Name}.tgz.";
        if (!File.Exists(archive)) Download.To(archive, dataset, byHand, options, cancellation);
        TarArchive.Extract(archive, folder, dataset.Name, options.Progress, cancellation);
        return folder;
    }

    static void Drop(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>In what an archive differs from what is known of the data set; null where it does not. The whole file is only hashed on request.</summary>
    internal static string? Difference(string archive, DatasetUrl dataset, bool whole)
    {
        using var file = File.OpenRead(archive);
        if (dataset.Bytes is { } bytes && file.Length != bytes)
            return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"got {file.Length} bytes, expected {bytes}");
        if (dataset.Md5OfFirstMebibyte is { } md5)
        {
            byte[] first = new byte[Math.Min(mebibyte, file.Length)];
            file.ReadExactly(first);
            if (Differs("MD5 of the first mebibyte", MD5.HashData(first), md5) is { } difference) return difference;
        }
        file.Position = 0;
        return whole && dataset.Sha256 is { } sha256 ? Differs("SHA-256", SHA256.HashData(file), sha256) : null;
    }

    static string? Differs(string what, byte[] hash, string expected) => Convert.ToHexStringLower(hash) is var got && string.Equals(got, expected, StringComparison.OrdinalIgnoreCase)
        ? null
        : $"got {what} {got}, expected {expected}";
}
