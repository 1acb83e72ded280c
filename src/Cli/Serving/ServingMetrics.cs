using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Tessera.Cli;

/// <summary>Counts what a server does, as Prometheus reads it.</summary>
sealed class ServingMetrics
{
    static readonly double[] bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    readonly ConcurrentDictionary<int, long> answers = new();
    readonly long[] buckets = new long[bounds.Length + 1];
    long photos, batches, running, microseconds;

    /// <summary>Requests that are answered at the moment.</summary>
    public long Running => Interlocked.Read(ref running);

    /// <summary>Requests that were answered with a prediction.</summary>
    public long Answered => answers.GetValueOrDefault(200);

    /// <summary>Photos classified, and in how many batches.</summary>
    public (long Photos, long Batches) Classified => (Interlocked.Read(ref photos), Interlocked.Read(ref batches));

    public void Begin() => Interlocked.Increment(ref running);

    /// <summary>A request for a prediction was answered.</summary>
    public void End(int status, TimeSpan took)
    {
        Interlocked.Decrement(ref running);
        answers.AddOrUpdate(status, 1, static (_, n) => n + 1);
        int bucket = Array.FindIndex(bounds, b => took.TotalSeconds <= b);
        Interlocked.Increment(ref buckets[bucket < 0 ? bounds.Length : bucket]);
        Interlocked.Add(ref microseconds, (long)took.TotalMicroseconds);
    }

    public void CountBatch(int size)
    {
        Interlocked.Add(ref photos, size);
        Interlocked.Increment(ref batches);
    }

    /// <summary>The counts in Prometheus's text format, version 0.0.4.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Head("tessera_requests_total", "counter", "Requests for predictions, by status of the answer.");
        foreach (var (status, n) in answers.OrderBy(a => a.Key)) Line($"tessera_requests_total{{code=\"{status}\"}} {n}");
        Head("tessera_requests_running", "gauge", "Requests for predictions that are not answered yet.");
        Line($"tessera_requests_running {Running}");
        Head("tessera_photos_total", "counter", "Photos classified.");
        Line($"tessera_photos_total {Interlocked.Read(ref photos)}");
        Head("tessera_batches_total", "counter", "Batches in which they were classified.");
        Line($"tessera_batches_total {Interlocked.Read(ref batches)}");
        Head("tessera_request_seconds", "histogram", "From the head of a request to its answer.");
        long sum = 0;
        for (int i = 0; i < buckets.Length; i++)
            Line($"tessera_request_seconds_bucket{{le=\"{(i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf")}\"}} {sum += Interlocked.Read(ref buckets[i])}");
        Line($"tessera_request_seconds_sum {Interlocked.Read(ref microseconds) / 1e6}");
        Line($"tessera_request_seconds_count {sum}");
        Head("tessera_memory_bytes", "gauge", "Memory of the process.");
        Line($"tessera_memory_bytes {Environment.WorkingSet}");
        return text.ToString();

        void Head(string name, string kind, string help) => Line($"# HELP {name} {help}\n# TYPE {name} {kind}");
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
