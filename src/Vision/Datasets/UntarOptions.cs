namespace Tessera.Vision;

/// <summary>What <see cref="UntarData"/> does at the moment.</summary>
public enum UntarStep
{
    /// <summary>The archive in the cache is not the one that is wanted: it is fetched again.</summary>
    NewVersion,

    /// <summary>Bytes come in.</summary>
    Download,

    /// <summary>The archive is unpacked.</summary>
    Extract,
}

/// <summary>How far <see cref="UntarData"/> has come.</summary>
/// <param name="Name">The data set.</param>
/// <param name="Step">What is done.</param>
/// <param name="Done">Bytes of the archive so far.</param>
/// <param name="Total">Bytes of the archive; null where the server does not say.</param>
public readonly record struct UntarProgress(string Name, UntarStep Step, long Done, long? Total);

/// <summary>How <see cref="UntarData.Get"/> works.</summary>
public sealed record UntarOptions
{
    /// <summary>The folder to unpack into, as <c>Destination/name</c>; null for <c>data/</c> in the home folder.</summary>
    public string? Destination { get; init; }

    /// <summary>A folder or an archive on this machine to use instead of the address. It is trusted as it is: no checksum applies.</summary>
    public string? Source { get; init; }

    /// <summary>Fetches and unpacks again what is there already.</summary>
    public bool Force { get; init; }

    /// <summary>Called about once a mebibyte, on the thread that works.</summary>
    public Action<UntarProgress>? Progress { get; init; }

    /// <summary>How long the server may be silent.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Failed attempts in a row after which a download is given up; one that brought a mebibyte begins the count anew.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The wait after the first failed attempt; it doubles with each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);
}
