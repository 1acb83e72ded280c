using System.Net;
using System.Net.Http.Json;
using System.Text;
using Tessera.Cli;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Serving;

/// <summary>A server on the loopback: what it answers, what it refuses, and how it ends.</summary>
public sealed class PhotoServerTests
{
    readonly HttpClient client = new() { Timeout = TimeSpan.FromSeconds(60) };
    readonly StringWriter errors = new();

    ImageLearner learner = null!;
    PhotoServer server = null!;
    IReadOnlyList<KnownPhoto> photos = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        learner = SmallModel.Create();
        photos = SmallModel.Photos(learner, 3);
        server = await PhotoServer.Start(learner, "model <b>.safetensors", new ServingOptions { Port = 0, MaxUpload = 1 << 20 }, errors);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await server.Stop();
        string written = errors.ToString();
        errors.Dispose();
        client.Dispose();
        Assert.That(written, Is.Empty, "no mistake of the server itself");
    }

    Uri Url(string path) => new(server.Address, path);

    static async Task<PhotoAnswer> Answer(HttpResponseMessage response)
    {
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync(AnswerJson.Default.PhotoAnswer))!;
    }

    float[] InOrder(PhotoAnswer answer) => [.. learner.Images.Classes.Select(c => answer.Classes.Single(a => a.Label == c).Probability)];

    [Test]
    public async Task APhotoAsBodyOrInAFormIsAnsweredAsTheToolDoes()
    {
        foreach (var photo in photos)
        {
            var answer = await Answer(await client.PostAsync(Url("predict"), new ByteArrayContent(photo.File)));
            using var form = new MultipartFormDataContent { { new StringContent("a note"), "note" }, { new ByteArrayContent(photo.File), "photo", "cat.jpg" } };
            var same = await Answer(await client.PostAsync(Url("predict"), form));
            Assert.That(InOrder(answer), Is.EqualTo(photo.Probabilities).Within(1e-5f));
            Assert.That(InOrder(same), Is.EqualTo(photo.Probabilities).Within(1e-5f));
            Assert.That((answer.Label, answer.Probability, answer.Heatmap), Is.EqualTo((answer.Classes[0].Label, photo.Probabilities.Max(), (string?)null)));
            Assert.That(answer.Classes.Select(c => c.Probability), Is.Ordered.Descending);
        }
    }

    [Test]
    public async Task AHeatMapComesOnRequestForThePredictedOrANamedClass()
    {
        string other = learner.Images.Classes.First(c => c != learner.Images.Classes[photos[0].Probabilities.ToList().IndexOf(photos[0].Probabilities.Max())]);
        List<string> maps = [];
        foreach (string wanted in new[] { "true", Uri.EscapeDataString(other) })
        {
            var answer = await Answer(await client.PostAsync(Url($"predict?heatmap={wanted}"), new ByteArrayContent(photos[0].File)));
            Assert.That(answer.Heatmap, Does.StartWith("data:image/jpeg;base64,"));
            var picture = Image.Decode(Convert.FromBase64String(answer.Heatmap!.Split(',')[1]));
            Assert.That((picture.Width, picture.Height), Is.EqualTo((64, 64)));
            maps.Add(answer.Heatmap);
        }
        Assert.That(maps[1], Is.Not.EqualTo(maps[0]));
    }

    [Test]
    public async Task NoHeatMapWaitsForAPhotoThatStillArrives()
    {
        using var gate = new ManualResetEventSlim();
        long running = server.Metrics.Running;
        Task<HttpResponseMessage>[] slow = [.. Enumerable.Range(0, 4).Select(_ => client.PostAsync(Url("predict?heatmap=true"), new StreamContent(new Unseekable(photos[0].File, gate))))];
        while (server.Metrics.Running < running + slow.Length) await Task.Delay(5);
        var answer = await Answer(await client.PostAsync(Url("predict?heatmap=true"), new ByteArrayContent(photos[1].File)));
        Assert.That((answer.Heatmap is not null, slow.Any(s => s.IsCompleted)), Is.EqualTo((true, false)));
        gate.Set();
        foreach (var photo in slow) Assert.That((await Answer(await photo)).Heatmap, Is.Not.Null);
        Assert.That((await Answer(await client.PostAsync(Url("predict?heatmap=false"), new ByteArrayContent(photos[0].File)))).Heatmap, Is.Null);
    }

    IEnumerable<(string What, int Status, string Message, Func<HttpContent> Content)> BadUploads()
    {
        byte[] photo = photos[0].File, tooLarge = new byte[(1 << 20) + 1];
        yield return ("empty", 400, "empty", () => new ByteArrayContent([]));
        yield return ("text", 400, "no image", () => new StringContent("a cat, believe me"));
        yield return ("a truncated photo", 400, "truncated", () => new ByteArrayContent(photo[..(photo.Length / 2)]));
        yield return ("too many pixels", 413, "too many pixels: got 20000 x 20000", () => new ByteArrayContent(Bitmap(20000, 20000)));
        yield return ("too large", 413, "too large", () => new ByteArrayContent(tooLarge));
        yield return ("too large and of unknown length", 413, "too large", () => new StreamContent(new Unseekable(tooLarge)));
        yield return ("a form without a file", 400, "no file", () => new MultipartFormDataContent { { new StringContent("x"), "y" } });
        yield return ("a form that ends early", 400, "damaged", () => Form("--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"x.jpg\"\r\n\r\nabc", "b"));
        yield return ("a form that is none", 400, "damaged", () => Form("nothing", "b"));
        yield return ("a form without boundary", 400, "boundary", () => Form("nothing", null));
    }

    static StringContent Form(string body, string? boundary)
    {
        var content = new StringContent(body);
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", boundary is null ? "multipart/form-data" : $"multipart/form-data; boundary={boundary}");
        return content;
    }

    [Test]
    public async Task BadUploadsAreRefusedWithOneErrorAndTheServerGoesOn()
    {
        foreach (var (what, status, message, content) in BadUploads())
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Url("predict")) { Content = content() };
            request.Headers.ExpectContinue = true; // what is refused by its head need not be sent
            await IsRefused(await client.SendAsync(request), status, message, what);
        }
        await IsRefused(await client.PostAsync(Url("predict?heatmap=dragon"), new ByteArrayContent(photos[0].File)), 400, "no such class: got 'dragon'", "class");
        await IsRefused(await client.GetAsync(Url("predict")), 405, "not possible", "method");
        await IsRefused(await client.PostAsync(Url("health"), null), 405, "not possible", "method");
        await IsRefused(await client.GetAsync(Url("secrets")), 404, "no such address", "address");
        await Answer(await client.PostAsync(Url("predict"), new ByteArrayContent(photos[0].File)));
    }

    static async Task IsRefused(HttpResponseMessage response, int status, string message, string what)
    {
        Assert.That((int)response.StatusCode, Is.EqualTo(status), what);
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/json"), what);
        var error = await response.Content.ReadFromJsonAsync(AnswerJson.Default.ErrorAnswer);
        Assert.That(error!.Error, Does.Contain(message), what);
        if (status == 413) Assert.That(error.Hint, Is.Not.Null, what);
    }

    [Test]
    public async Task PageHealthAndMetrics()
    {
        await Answer(await client.PostAsync(Url("predict"), new ByteArrayContent(photos[0].File)));
        var page = await client.GetAsync(Url("/"));
        Assert.That(page.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/html"));
        Assert.That(page.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("default-src 'none'"));
        Assert.That(await page.Content.ReadAsStringAsync(), Does.Contain("capture=\"environment\"").And.Not.Contain("http://").And.Not.Contain("https://"));

        var health = await client.GetFromJsonAsync(Url("health"), AnswerJson.Default.HealthAnswer);
        Assert.That(health, Is.EqualTo(new HealthAnswer("ok", "model <b>.safetensors", learner.Images.Classes.Count)));

        string[] metrics = (await client.GetStringAsync(Url("metrics"))).Split('\n');
        Assert.That(metrics.Single(l => l.StartsWith("tessera_requests_total{code=\"200\"} ")).Split(' ')[1], Is.Not.EqualTo("0"));
        Assert.That(metrics, Has.Some.StartsWith("tessera_request_seconds_bucket{le=\"+Inf\"} ").And.Some.EqualTo("# TYPE tessera_request_seconds histogram"));
        Assert.That(metrics.Where(l => l.Length > 0 && l[0] != '#'), Has.All.Match(@"^[a-z_]+(\{[a-z]+=""[^""]+""\})? [0-9.E+-]+$"));
    }

    [Test]
    public async Task StoppingAnswersWhatWasAcceptedAndTakesNoMore()
    {
        var own = await PhotoServer.Start(learner, "model", new ServingOptions { Port = 0 }, TextWriter.Null);
        using var gate = new ManualResetEventSlim();
        var url = new Uri(own.Address, "predict");
        // Each has sent its head and waits with its photo.
        Task<HttpResponseMessage>[] requests = [.. Enumerable.Range(0, 12).Select(i => client.PostAsync(url, new StreamContent(new Unseekable(photos[i % 3].File, gate))))];
        while (own.Metrics.Running < requests.Length) await Task.Delay(5);
        var stopping = own.Stop();
        await Task.Delay(100);
        Assert.That(stopping.IsCompleted, Is.False);
        gate.Set();
        foreach (var (i, request) in requests.Index()) Assert.That(InOrder(await Answer(await request)), Is.EqualTo(photos[i % 3].Probabilities).Within(1e-5f));
        await stopping;
        Assert.That(async () => await client.PostAsync(url, new ByteArrayContent(photos[0].File)), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task WhereAnotherProgramListensIsAnError()
    {
        var error = await Assert.ThrowsAsync<TesseraException>(() => PhotoServer.Start(learner, "model", new ServingOptions { Port = server.Address.Port }, TextWriter.Null));
        Assert.That(error!.Message, Does.Contain($"port {server.Address.Port}").And.Contain("another program").And.Contain("Hint: "));
    }

    /// <summary>The head of a bitmap and nothing else.</summary>
    static byte[] Bitmap(int width, int height)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file, Encoding.ASCII);
        writer.Write("BM"u8);
        foreach (int n in new[] { 54 + (3 * width * height), 0, 54, 40, width, height, 1 | (24 << 16), 0, 0, 0, 0, 0, 0 }) writer.Write(n);
        writer.Write(new byte[100]);
        return file.ToArray();
    }

    /// <summary>Bytes of unknown length, perhaps held back.</summary>
    sealed class Unseekable(byte[] bytes, ManualResetEventSlim? gate = null) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            await destination.FlushAsync(cancellationToken);
            while (gate is { IsSet: false }) await Task.Delay(5, cancellationToken);
            await destination.WriteAsync(ToArray(), cancellationToken);
        }
    }
}
