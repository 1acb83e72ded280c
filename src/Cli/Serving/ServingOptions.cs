using System.Net;

namespace Tessera.Cli;

/// <summary>Where a server listens and how much it takes.</summary>
sealed record ServingOptions
{
    /// <summary>The address; others than the loopback are reached from other machines.</summary>
    public IPAddress Host { get; init; } = IPAddress.Loopback;

    /// <summary>0 for any free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Photos classified together at most.</summary>
    public int MaxBatch { get; init; } = 32;

    /// <summary>Bytes of a photo's file at most.</summary>
    public long MaxUpload { get; init; } = 16 << 20;

    /// <summary>Pixels of a photo at most: decoded, a pixel takes seven bytes.</summary>
    public long MaxPixels { get; init; } = 50_000_000;

    /// <summary>Bytes of all uploads together at most; beyond, requests are told to come again.</summary>
    public long MaxUploads => 32 * MaxUpload;
}
