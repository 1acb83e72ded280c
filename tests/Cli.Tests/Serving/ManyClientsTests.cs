using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using Tessera.Cli;
using Tessera.Vision;

namespace Tessera.Tests.Serving;

/// <summary>
/// 64 clients at once: every answer belongs to its photo, none is lost. TESSERA_SOAK=60 does it for 60 seconds and looks at memory; then as long again with a
/// random pause after each answer, at half the rate, and looks at latency. (With equal pauses the clients of one batch would come back together for ever.)
/// </summary>
public sealed class ManyClientsTests
{
    const int Clients = 64;

    ImageLearner learner = null!;
    IReadOnlyList<KnownPhoto> photos = null!;
    PhotoServer server = null!;
    HttpClient client = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        learner = SmallModel.Create();
        photos = SmallModel.Photos(learner, 12);
        server = await PhotoServer.Start(learner, "model", new ServingOptions { Port = 0 }, TextWriter.Null);
        client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Clients }) { BaseAddress = server.Address };
    }

    [OneTimeTearDown]
    public void Close() => client.Dispose();

    [Test]
    public async Task EveryAnswerBelongsToItsPhotoAndNoneIsLost()
    {
        double soak = double.TryParse(Environment.GetEnvironmentVariable("TESSERA_SOAK"), CultureInfo.InvariantCulture, out double s) ? s : 0;
        double apart = photos.SelectMany((p, i) => photos.Skip(i + 1).Select(q => KnownPhoto.Distance(p.Probabilities, q.Probabilities))).Min();
        Assert.That(apart, Is.GreaterThan(1e-3), "answers tell the photos apart");

        List<double> alone = [];
        for (int i = 0; i < 25; i++) alone.Add(await Ask(i % photos.Count));
        var before = server.Metrics.Classified;
        long allocated = GC.GetTotalAllocatedBytes();
        var together = await Load(soak > 0 ? soak : 1.5, pause: 0);
        allocated = (GC.GetTotalAllocatedBytes() - allocated) / together.Milliseconds.Count;
        var (classified, batches) = server.Metrics.Classified;
        Assert.That(classified - before.Photos, Is.EqualTo(together.Milliseconds.Count), "each request was classified once");
        Assert.That(server.Metrics.Answered, Is.EqualTo(together.Milliseconds.Count + alone.Count));
        Assert.That(batches - before.Batches, Is.LessThan(together.Milliseconds.Count / 2), "requests at the same time are classified together");
        double single = At(alone, 0.5);
        TestContext.Out.WriteLine($"alone {single:F1} ms; {together}; batches of {(double)together.Milliseconds.Count / (batches - before.Batches):F1}; {allocated >> 10} KiB allocated a request");
        Assert.That(allocated, Is.LessThan(150 << 10), "files, decoded and prepared photos lie in pooled buffers; the client's part is in this too");

        if (soak > 0)
        {
            Assert.That(together.MegabytesLate, Is.LessThan((1.1 * together.MegabytesEarly) + 20), "memory grows");
            var paced = await Load(soak, pause: 2 * Clients * together.Seconds / together.Milliseconds.Count);
            TestContext.Out.WriteLine($"at half the rate: {paced}");
            Assert.That(At(paced.Milliseconds, 0.99), Is.LessThan(5 * single));
        }
        await server.Stop();
    }

    async Task<double> Ask(int photo)
    {
        long began = Stopwatch.GetTimestamp();
        using var response = await client.PostAsync("predict", new ByteArrayContent(photos[photo].File));
        var answer = (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync(AnswerJson.Default.PhotoAnswer))!;
        double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        float[] inOrder = [.. learner.Images.Classes.Select(c => answer.Classes.Single(a => a.Label == c).Probability)];
        Assert.That(KnownPhoto.Distance(inOrder, photos[photo].Probabilities), Is.LessThan(1e-4), "the answer of another photo");
        return took;
    }

    /// <summary>All clients ask, wait for the answer and the pause (exponential, its mean in seconds), and ask again.</summary>
    async Task<Course> Load(double seconds, double pause)
    {
        var times = new ConcurrentBag<double>();
        var memory = new ConcurrentBag<(bool Late, double Megabytes)>();
        long start = Stopwatch.GetTimestamp();
        double Elapsed() => Stopwatch.GetElapsedTime(start).TotalSeconds;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async c =>
        {
            Random random = new(c);
            await Task.Delay(TimeSpan.FromSeconds(pause * random.NextDouble()));
            for (int i = c; Elapsed() < seconds; i++)
            {
                times.Add(await Ask(i % photos.Count));
                memory.Add((Elapsed() > seconds / 2, Environment.WorkingSet / 1e6));
                if (pause > 0) await Task.Delay(TimeSpan.FromSeconds(-pause * Math.Log(1 - random.NextDouble())));
            }
        }));
        double Largest(bool late) => memory.Where(m => m.Late == late).Select(m => m.Megabytes).DefaultIfEmpty(0).Max();
        return new Course(times, Elapsed(), Largest(late: false), Largest(late: true));
    }

    sealed record Course(IReadOnlyCollection<double> Milliseconds, double Seconds, double MegabytesEarly, double MegabytesLate)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{Milliseconds.Count} answers in {Seconds:F1} s, median {At(Milliseconds, 0.5):F1} ms, 99 % {At(Milliseconds, 0.99):F1} ms; memory {MegabytesEarly:F0} MB in the first half, {MegabytesLate:F0} MB in the second");
    }

    static double At(IEnumerable<double> times, double part)
    {
        double[] sorted = [.. times.Order()];
        return sorted[(int)(part * (sorted.Length - 1))];
    }
}
