using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tessera.Tests.Datasets;

/// <summary>A web server on this machine with one file, that misbehaves as told.</summary>
sealed class ArchiveServer : IDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);

    public ArchiveServer(byte[] content)
    {
        Content = content;
        listener.Start();
        _ = Task.Run(Serve);
    }

    /// <summary>The file.</summary>
    public byte[] Content { get; set; }

    /// <summary>Where it is.</summary>
    public string Address(string name = "digits") => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/data/{name}");

    /// <summary>Its entity tag; null for none.</summary>
    public string? Tag { get; set; } = "\"one\"";

    /// <summary>Status codes of the next answers, before any is right.</summary>
    public Queue<int> Statuses { get; } = [];

    /// <summary>Bytes after which the next answers break off.</summary>
    public Queue<int> Cuts { get; } = [];

    /// <summary>Whether parts can be asked for.</summary>
    public bool Ranges { get; set; } = true;

    /// <summary>Whether the length is announced.</summary>
    public bool Lengths { get; set; } = true;

    /// <summary>Whether it stays silent after the header.</summary>
    public bool Silent { get; set; }

    /// <summary>The paths and ranges that were asked for.</summary>
    public List<string> Requests { get; } = [];

    public void Dispose() => listener.Stop();

    async Task Serve()
    {
        try
        {
            while (true)
            {
                var connection = await listener.AcceptTcpClientAsync();
                _ = Task.Run(() => Answer(connection));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // stopped
        }
    }

    async Task Answer(TcpClient connection)
    {
        using var mine = connection;
        var stream = connection.GetStream();
        using var reader = new StreamReader(stream, leaveOpen: true);
        string path = (await reader.ReadLineAsync())!.Split(' ')[1];
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync() is { Length: > 0 } line) headers[line.Split(": ")[0]] = line.Split(": ")[1];
        string? range = headers.GetValueOrDefault("Range");
        lock (Requests) Requests.Add($"{path} {range}".Trim());

        int from = Ranges && range is not null && headers.GetValueOrDefault("If-Range", Tag ?? "") == (Tag ?? "") ? int.Parse(range["bytes=".Length..^1]) : 0;
        int status = Statuses.TryDequeue(out int told) ? told : from > Content.Length ? 416 : from > 0 ? 206 : 200;
        byte[] body = status < 300 ? Content[from..] : [];
        var header = new StringBuilder($"HTTP/1.1 {status} told\r\nConnection: close\r\n");
        if (Lengths || status >= 300) header.Append($"Content-Length: {body.Length}\r\n");
        if (status == 206) header.Append($"Content-Range: bytes {from}-{Content.Length - 1}/{Content.Length}\r\n");
        if (Tag is not null) header.Append($"ETag: {Tag}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(header + "\r\n"));
        if (Silent) await Task.Delay(TimeSpan.FromSeconds(20));
        await stream.WriteAsync(body.AsMemory(0, Cuts.TryDequeue(out int cut) ? Math.Min(cut, body.Length) : body.Length));
    }
}
