using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Tessera.Vision;

/// <summary>Fetches one file over HTTP: in pieces, resumed where a connection broke, and under its name only when it is whole and right.</summary>
sealed class Download
{
    const int mebibyte = 1 << 20;

    static readonly HttpClient client = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10), PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { { "User-Agent", "Tessera" }, { "Accept-Encoding", "identity" } },
    };

    readonly DatasetUrl dataset;
    readonly UntarOptions options;
    readonly string part, state, byHand;

    Download(string path, DatasetUrl dataset, string byHand, UntarOptions options)
    {
        (this.dataset, this.options, this.byHand) = (dataset, options, byHand);
        (part, state) = (path + ".part", path + ".part.state");
    }

    /// <summary>Fetches the archive of a data set to <paramref name="path"/>. What came in is kept in <c>path.part</c> for the next try.</summary>
    /// <exception cref="DataException">Given up, or what came is not the archive.</exception>
    public static void To(string path, DatasetUrl dataset, string byHand, UntarOptions options, CancellationToken cancellation)
    {
        var download = new Download(path, dataset, byHand, options);
        Task.Run(() => download.Fetch(cancellation), cancellation).GetAwaiter().GetResult();
        download.Check();
        File.Move(download.part, path, overwrite: true);
        File.Delete(download.state);
    }

    async Task Fetch(CancellationToken cancellation)
    {
        for (int failures = 0; ;)
        {
            long before = Received();
            try
            {
                await Attempt(before, cancellation);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                if (IsFinal(e)) throw Failed(Reason(e), e);
                failures = Received() - before >= mebibyte ? 0 : failures + 1;
                if (failures >= options.Attempts) throw Failed(string.Create(CultureInfo.InvariantCulture, $"given up after {failures} attempts: {Reason(e)}"), e);
                await Task.Delay(options.RetryDelay * Math.Pow(2, failures), cancellation);
            }
        }
    }

    /// <summary>One request, from byte <paramref name="from"/> on where the server agrees that the file is still the same.</summary>
    async Task Attempt(long from, CancellationToken cancellation)
    {
        var (total, validator) = State();
        if (from > 0 && from == total) return;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(options.Timeout);
        using var request = new HttpRequestMessage(HttpMethod.Get, dataset.Archive);
        if (from > 0)
        {
            request.Headers.Range = new RangeHeaderValue(from, null);
            if (validator is not null) request.Headers.TryAddWithoutValidation("If-Range", validator);
        }
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        var range = response.Content.Headers.ContentRange;
        bool resumed = response.StatusCode == HttpStatusCode.PartialContent;
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable || (resumed && (range?.From != from || (total is not null && range.Length != total))))
        {
            Discard();
            throw new IOException("the server has another file than the one begun");
        }
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"the server answers {((int)response.StatusCode).ToString(CultureInfo.InvariantCulture)} {response.ReasonPhrase}", null, response.StatusCode);
        long? length = resumed ? range!.Length : response.Content.Headers.ContentLength;
        if (dataset.Bytes is { } expected && length is { } announced && announced != expected)
            throw Failed($"another archive than the expected one: got {announced.ToString(CultureInfo.InvariantCulture)} bytes, expected {expected.ToString(CultureInfo.InvariantCulture)}");
        if (!resumed) Begin(length, response.Headers.ETag is { IsWeak: false } etag ? etag.Tag : response.Content.Headers.LastModified?.ToString("R", CultureInfo.InvariantCulture));
        await Receive(response, resumed ? from : 0, length, patience);
    }

    async Task Receive(HttpResponseMessage response, long done, long? total, CancellationTokenSource patience)
    {
        byte[] buffer = new byte[mebibyte];
        await using var body = await response.Content.ReadAsStreamAsync(patience.Token);
        await using var file = new FileStream(part, FileMode.Append, FileAccess.Write, FileShare.Read, 0);
        long reported = done;
        while (true)
        {
            patience.CancelAfter(options.Timeout);
            int n = await body.ReadAsync(buffer, patience.Token);
            if (n == 0) break;
            done += n;
            Write(file, buffer.AsSpan(0, n));
            if (done > dataset.Bytes) return; // too long: the check says so
            if (done - reported < mebibyte) continue;
            options.Progress?.Invoke(new(dataset.Name, UntarStep.Download, reported = done, total));
        }
        if (total is not null && done < total)
            throw new IOException(
                $"the connection ended after {done.ToString(CultureInfo.InvariantCulture)} of {total.Value.ToString(CultureInfo.InvariantCulture)} bytes");
        options.Progress?.Invoke(new(dataset.Name, UntarStep.Download, done, total));
    }

    void Write(FileStream file, ReadOnlySpan<byte> bytes)
    {
        try
        {
            file.Write(bytes);
        }
        catch (IOException e) // no fault of the server's: trying again would not help
        {
            throw new DataException($"{part}: cannot be written: {e.Message.TrimEnd('.')}. Hint: check free disk space, or set TESSERA_HOME to another folder.", e);
        }
    }

    long Received() => File.Exists(part) ? new FileInfo(part).Length : 0;

    /// <summary>Starts the file over and remembers how to recognise it: its length, and its entity tag or date.</summary>
    void Begin(long? total, string? validator)
    {
        File.Delete(part);
        File.WriteAllText(state, string.Create(CultureInfo.InvariantCulture, $"{total}\n{validator}"));
    }

    (long? Total, string? Validator) State()
    {
        string[] lines = File.Exists(state) ? File.ReadAllText(state).Split('\n') : [];
        return lines.Length < 2 ? (null, null)
            : (long.TryParse(lines[0], NumberStyles.None, CultureInfo.InvariantCulture, out long total) ? total : null, lines[1].Length > 0 ? lines[1] : null);
    }

    void Discard()
    {
        File.Delete(part);
        File.Delete(state);
    }

    void Check()
    {
        if (!File.Exists(part)) throw Failed("the server sent nothing");
        if (UntarData.Difference(part, dataset, whole: true) is not { } difference) return;
        Discard();
        throw Failed($"not the expected archive: {difference}; what came was deleted");
    }

    /// <summary>Whether asking again is of no use: the server refuses, and not for a moment only.</summary>
    static bool IsFinal(Exception e) => e is HttpRequestException { StatusCode: { } code } && (int)code < 500 && code is not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests);

    string Reason(Exception e) => e is OperationCanceledException
        ? string.Create(CultureInfo.InvariantCulture, $"the server was silent for {options.Timeout.TotalSeconds:0.#} s")
        : (e.InnerException is System.Net.Sockets.SocketException socket ? socket.Message : e.Message).TrimEnd('.');

    DataException Failed(string what, Exception? cause = null)
    {
        string message = $"{dataset}: cannot be fetched: {what}. {byHand}";
        return cause is null ? new(message) : new(message, cause);
    }
}
