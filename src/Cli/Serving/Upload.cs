using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Tessera.Cli;

/// <summary>The photo's file in a request: its body, or the first file of a form.</summary>
static class Upload
{
    /// <param name="request">The request.</param>
    /// <param name="atMost">The most bytes of the file.</param>
    /// <param name="disposed">Called once the file is disposed.</param>
    /// <param name="cancellation">Ends the wait for what has not come yet.</param>
    /// <exception cref="BadHttpRequestException">No file, a damaged form, or more than <paramref name="atMost"/> bytes.</exception>
    public static async Task<UploadedFile> Read(HttpRequest request, long atMost, Action disposed, CancellationToken cancellation)
    {
        if (request.ContentType?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) != true)
            return await ReadAll(request.Body, request.ContentLength, atMost, disposed, cancellation);
        try
        {
            return await ReadForm(request, atMost, disposed, cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw new BadHttpRequestException($"the form is damaged: {e.Message.TrimEnd('.')}. Hint: send multipart/form-data with one file, or the photo itself as the body.", e);
        }
    }

    /// <summary>Refuses what says that it is too large before any of it is read.</summary>
    /// <exception cref="BadHttpRequestException">It is.</exception>
    public static void CheckLength(HttpRequest request, long atMost)
    {
        if (request.ContentLength > atMost + FormOverhead) throw TooLarge(atMost);
    }

    /// <summary>Bytes that a form adds to its file, with room to spare.</summary>
    public const int FormOverhead = 16 << 10;

    static async Task<UploadedFile> ReadForm(HttpRequest request, long atMost, Action disposed, CancellationToken cancellation)
    {
        string? boundary = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? HeaderUtilities.RemoveQuotes(type.Boundary).Value : null;
        if (string.IsNullOrEmpty(boundary) || boundary.Length > 200) throw new BadHttpRequestException("the form has no boundary: expected Content-Type: multipart/form-data; boundary=...");
        var reader = new MultipartReader(boundary, request.Body);
        while (await reader.ReadNextSectionAsync(cancellation) is { } section)
            if (ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) && disposition.IsFileDisposition())
                return await ReadAll(section.Body, request.ContentLength, atMost, disposed, cancellation);
        throw new BadHttpRequestException("the form has no file: expected one. Hint: curl -F photo=@cat.jpg");
    }

    static async Task<UploadedFile> ReadAll(Stream body, long? length, long atMost, Action disposed, CancellationToken cancellation)
    {
        byte[] file = ArrayPool<byte>.Shared.Rent((int)Math.Min((length ?? 64 << 10) + 1, atMost + 1));
        try
        {
            int count = 0;
            for (int n; (n = await body.ReadAsync(file.AsMemory(count), cancellation)) > 0;)
            {
                if ((count += n) > atMost) throw TooLarge(atMost);
                if (count == file.Length) file = Larger(file, atMost);
            }
            return count > 0 ? new UploadedFile(file, count, disposed)
                : throw new BadHttpRequestException("no photo: got an empty file, expected the bytes of a JPEG, PNG, GIF, BMP or WebP file. Hint: curl --data-binary @cat.jpg");
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(file);
            throw;
        }
    }

    /// <summary>A buffer with the same beginning and room for more, but for no more than a byte too many.</summary>
    static byte[] Larger(byte[] file, long atMost)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * file.Length, atMost + 1));
        file.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(file);
        return larger;
    }

    /// <summary>What a file of more bytes is answered with.</summary>
    public static BadHttpRequestException TooLarge(long atMost) => new(
        FormattableString.Invariant(
            $"the photo's file is too large: expected at most {atMost / (double)(1 << 20):0.##} MiB. Hint: shrink the photo, or let the server take more with --max-upload-mb."),
        StatusCodes.Status413PayloadTooLarge);
}

/// <summary>A photo's file in a pooled buffer, which goes back when it is disposed: buffers of this size for every request would keep the garbage collector busy.</summary>
sealed class UploadedFile(byte[] buffer, int length, Action disposed) : IDisposable
{
    bool isDisposed;

    public ReadOnlySpan<byte> Span => buffer.AsSpan(0, length);

    public void Dispose()
    {
        if (isDisposed) return;
        isDisposed = true;
        ArrayPool<byte>.Shared.Return(buffer);
        disposed();
    }
}
