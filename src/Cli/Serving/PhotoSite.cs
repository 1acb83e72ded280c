using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>What each address answers: the page, predictions, health and metrics. Errors are JSON: <c>{"error": ..., "hint": ...}</c>.</summary>
sealed class PhotoSite(ImageLearner learner, string modelName, PredictionQueue queue, ServingOptions options, ServingMetrics metrics, TextWriter errors)
{
    readonly ImageClassifier classifier = learner.ToClassifier();
    readonly SemaphoreSlim decoding = new(Environment.ProcessorCount), explaining = new(2);
    readonly ConcurrentBag<float[]> prepared = []; // buffers of photos that were answered
    readonly byte[] page = Encoding.UTF8.GetBytes(Page.Text("Serving.page.html"));
    long uploading;

    public async Task Answer(HttpContext context)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        string method = context.Request.Method;
        Func<HttpContext, Task>? answer = (context.Request.Path.Value ?? "/") switch
        {
            "/" => AnswerPage,
            "/predict" => AnswerPrediction,
            "/health" => AnswerHealth,
            "/metrics" => AnswerMetrics,
            _ => null,
        };
        bool posts = answer == AnswerPrediction;
        if (answer is null) await Refuse(context, StatusCodes.Status404NotFound, "no such address. Hint: GET /, POST /predict, GET /health, GET /metrics");
        else if (posts ? HttpMethods.IsPost(method) : HttpMethods.IsGet(method) || HttpMethods.IsHead(method)) await answer(context);
        else
        {
            context.Response.Headers.Allow = posts ? "POST" : "GET, HEAD";
            await Refuse(context, StatusCodes.Status405MethodNotAllowed, $"{method} is not possible here. Hint: use {(posts ? "POST" : "GET")}.");
        }
    }

    Task AnswerPage(HttpContext context)
    {
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
            + "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'";
        return Send(context, "text/html; charset=utf-8", page);
    }

    Task AnswerHealth(HttpContext context) => Send(context, new HealthAnswer("ok", modelName, classifier.Classes.Count), AnswerJson.Default.HealthAnswer);

    Task AnswerMetrics(HttpContext context) => Send(context, "text/plain; version=0.0.4; charset=utf-8", Encoding.UTF8.GetBytes(metrics.ToString()));

    async Task AnswerPrediction(HttpContext context)
    {
        long began = Stopwatch.GetTimestamp();
        metrics.Begin();
        try
        {
            await Send(context, await Predict(context.Request, context.RequestAborted), AnswerJson.Default.PhotoAnswer);
        }
        catch (BadHttpRequestException e)
        {
            await Refuse(
                context, e.StatusCode,
                e.StatusCode == StatusCodes.Status413PayloadTooLarge && !e.Message.Contains("Hint", StringComparison.Ordinal)
                ? Upload.TooLarge(options.MaxUpload).Message : e.Message);
        }
        catch (DataException e)
        {
            await Refuse(context, StatusCodes.Status400BadRequest, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException) // the client has left, or the server stops
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest; // nobody reads it; it is counted
        }
        catch (Exception e)
        {
            errors.WriteLine($"error: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            await Refuse(context, StatusCodes.Status500InternalServerError, "the model could not answer. Hint: the server's output says why.");
        }
        finally
        {
            metrics.End(context.Response.StatusCode, Stopwatch.GetElapsedTime(began));
        }
    }

    async Task<PhotoAnswer> Predict(HttpRequest request, CancellationToken cancellation)
    {
        var (explain, wanted) = WantedMap(request.Query);
        using var file = await Receive(request, cancellation);
        if (explain) await explaining.WaitAsync(cancellation); // such a request keeps its whole photo; one that still arrives keeps nobody waiting
        try
        {
            var (photo, whole) = await Prepare(file, explain, cancellation);
            var prediction = await queue.Predict(photo, cancellation);
            prepared.Add(photo);
            var map = whole is null ? null : await queue.Explain(whole, wanted ?? prediction.Index, cancellation);
            return Described(prediction, map);
        }
        finally
        {
            if (explain) explaining.Release();
        }
    }

    /// <summary>Whether a heat map is wanted, and of which class; null for the predicted one. The name of a class goes before 1 and 0.</summary>
    (bool Explain, int? Class) WantedMap(IQueryCollection query)
    {
        if (!query.TryGetValue("heatmap", out var values)) return (false, null);
        string heatmap = values.ToString();
        if (heatmap is "" or "true") return (true, null);
        if (heatmap is "false") return (false, null);
        int index = classifier.Classes.ToList().IndexOf(heatmap);
        if (index >= 0) return (true, index);
        if (heatmap is "1" or "0") return (heatmap is "1", null);
        throw new BadHttpRequestException($"heatmap: no such class: got '{heatmap}', expected true, false or one of {string.Join(", ", classifier.Classes.Take(20))}.");
    }

    /// <summary>The photo's file, once all of it is there.</summary>
    async Task<UploadedFile> Receive(HttpRequest request, CancellationToken cancellation)
    {
        Upload.CheckLength(request, options.MaxUpload);
        long bytes = request.ContentLength ?? options.MaxUpload;
        void GiveBack() => Interlocked.Add(ref uploading, -bytes);
        try
        {
            if (Interlocked.Add(ref uploading, bytes) > options.MaxUploads)
            {
                request.HttpContext.Response.Headers.RetryAfter = "1";
                throw new BadHttpRequestException("too many uploads at once. Hint: try again in a second.", StatusCodes.Status503ServiceUnavailable);
            }
            return await Upload.Read(request, options.MaxUpload, GiveBack, cancellation);
        }
        catch
        {
            GiveBack();
            throw;
        }
    }

    /// <summary>Decodes and transforms a photo, and gives its file back.</summary>
    async Task<(float[] Photo, Image? Whole)> Prepare(UploadedFile file, bool keep, CancellationToken cancellation)
    {
        await decoding.WaitAsync(cancellation); // a decoded photo is large: no more of them than processors
        try
        {
            return Prepare(file.Span, keep);
        }
        finally
        {
            decoding.Release();
            file.Dispose();
        }
    }

    (float[] Photo, Image? Whole) Prepare(ReadOnlySpan<byte> file, bool keep)
    {
        var image = Decode(file, keep);
        if (!prepared.TryTake(out float[]? photo)) photo = new float[classifier.PreparedLength];
        classifier.Prepare(image, photo);
        if (keep) return (photo, image);
        image.Recycle();
        return (photo, null);
    }

    Image Decode(ReadOnlySpan<byte> file, bool keep)
    {
        var (height, width) = Image.SizeOf(file, "photo");
        if ((long)height * width > options.MaxPixels)
            throw new BadHttpRequestException(FormattableString.Invariant(
                $"photo: too many pixels: got {height} x {width}, expected at most {options.MaxPixels} in all. Hint: shrink the photo."), StatusCodes.Status413PayloadTooLarge);
        return keep ? Image.Decode(file, "photo") : Image.DecodeRented(file, "photo");
    }

    PhotoAnswer Described(Prediction prediction, GradCam? map)
    {
        var classes = prediction.Probabilities.Zip(classifier.Classes, (p, label) => new ClassAnswer(label, p)).OrderByDescending(c => c.Probability);
        return new PhotoAnswer(
            prediction.Label, prediction.Probabilities[prediction.Index], [.. classes],
            map is null ? null : "data:image/jpeg;base64," + Convert.ToBase64String(map.Overlay().ToJpeg()));
    }

    static Task Refuse(HttpContext context, int status, string message)
    {
        if (context.Response.HasStarted) return Task.CompletedTask;
        context.Response.StatusCode = status;
        string[] parts = message.Split(" Hint: ", 2);
        return Send(context, new ErrorAnswer(parts[0], parts.Length > 1 ? parts[1] : null), AnswerJson.Default.ErrorAnswer);
    }

    static Task Send<T>(HttpContext context, T answer, JsonTypeInfo<T> type) => Send(context, "application/json; charset=utf-8", JsonSerializer.SerializeToUtf8Bytes(answer, type));

    static async Task Send(HttpContext context, string type, byte[] body)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
