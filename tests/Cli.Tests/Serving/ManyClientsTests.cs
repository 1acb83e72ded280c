using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using Tessera.Cli;

namespace Tessera.Tests.Serving;

/// <summary>64 clients at once: every answer belongs to its photo, none is lost. TESSERA_SOAK=60 does it for 60 seconds and looks at memory and latency too.</summary>
public sealed class ManyClientsTests
{
    const int Clients = 64;

    [Test]
    public async Task EveryAnswerBelongsToItsPhotoAndNoneIsLost()
    {
        double seconds = double.TryParse(Environment.GetEnvironmentVariable("TESSERA_SOAK"), CultureInfo.InvariantCulture, out double s) ? s : 1.5;
        var learner = SmallModel.Create();
        var photos = SmallModel.Photos(learner, 12);
        double apart = photos.SelectMany((p, i) => photos.Skip(i + 1).Select(q => KnownPhoto.Distance(p.Probabilities, q.Probabilities))).Min();
        Assert.That(apart, Is.GreaterThan(1e-3), "answers tell the photos apart");

        var server = await PhotoServer.Start(learner, "model", new ServingOptions { Port = 0 }, TextWriter.Null);
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Clients }) { BaseAddress = server.Address };
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

        for (int i = 0; i < 5; i++) await Ask(0);
        List<double> alone = [];
        for (int i = 0; i < 20; i++) alone.Add(await Ask(i % photos.Count));
        var before = server.Metrics.Classified;
        var together = new ConcurrentBag<double>();
        var memory = new ConcurrentBag<(double Second, long Bytes)>();
        long start = Stopwatch.GetTimestamp();
        double Elapsed() => Stopwatch.GetElapsedTime(start).TotalSeconds;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async c =>
        {
            for (int i = c; Elapsed() < seconds; i++)
            {
                together.Add(await Ask(i % photos.Count));
                memory.Add((Elapsed(), Environment.WorkingSet));
            }
        }));
        double took = Elapsed();
        await server.Stop();

        var (classified, batches) = server.Metrics.Classified;
        Assert.That(classified - before.Photos, Is.EqualTo(together.Count), "each request was classified once");
        Assert.That(server.Metrics.Answered, Is.EqualTo(together.Count + 25));
        Assert.That(batches - before.Batches, Is.LessThan(together.Count / 2), "requests at the same time are classified together");
        double single = At(alone, 0.5), p99 = At(together, 0.99);
        double Largest(bool late) => memory.Where(m => m.Second >= seconds / 2 == late).Select(m => m.Bytes / 1e6).DefaultIfEmpty(0).Max();
        var (early, late) = (Largest(late: false), Largest(late: true));
        TestContext.Out.WriteLine($"{together.Count} answers in {took:F1} s, batches of {(double)together.Count / (batches - before.Batches):F1}; alone {single:F1} ms, together median {At(together, 0.5):F1} ms, 99 % {p99:F1} ms; memory {early:F0} MB in the first half, {late:F0} MB in the second");
        if (seconds < 30) return;
        Assert.That(late, Is.LessThan((1.1 * early) + 20), "memory grows");
    }

    static double At(IEnumerable<double> times, double part)
    {
        double[] sorted = [.. times.Order()];
        return sorted[(int)(part * (sorted.Length - 1))];
    }
}
