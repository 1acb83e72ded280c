using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Tessera.Benchmarks;

/// <summary><c>device</c>: passes, products, convolutions and networks on one device, such as <c>cuda:0</c>, beside a peer's rows where there are any.</summary>
static class DeviceCommand
{
    static readonly Option<string> device = new("--device") { Description = "cpu, cuda:0 or emulator.", DefaultValueFactory = _ => "cuda:0" };
    static readonly Option<bool> smoke = new("--smoke") { Description = "Tiny sizes, one run: shows that every work works. The figures mean nothing." };
    static readonly Option<string?> work = new("--work") { Description = "Only works whose names begin with this." };
    static readonly Option<string?> peer = new("--peer") { Description = "Rows of a peer on the same device: a JSON object from work to milliseconds, such as benchmarks/Devices/torch_device.py prints." };
    static readonly Option<bool> profile = new("--profile") { Description = "Also what each kernel of a work takes, by events around every launch." };
    static readonly Option<string?> json = new("--json") { Description = "Writes work to milliseconds to this file." };

    public static Command Create()
    {
        var command = new Command("device", "Tessera on one device: times and rates.") { device, smoke, work, peer, profile, json };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult args)
    {
        Device.Default = Device.Parse(args.GetValue(device)!);
        bool tiny = args.GetValue(smoke);
        var theirs = args.GetValue(peer) is { } file ? JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(file))! : [];
        var ours = new Dictionary<string, double>(StringComparer.Ordinal);
        Console.WriteLine("| work | ms | calls return after | rate | | peer's ms | peer's / ours |\n|---|---:|---:|---:|---|---:|---:|");
        foreach (var w in DeviceWork.All(tiny).Where(w => args.GetValue(work) is not { } name || w.Name.StartsWith(name, StringComparison.Ordinal)))
        {
            var (ms, host) = Measure(w, tiny);
            ours[w.Name] = ms;
            double rate = w.Amount / ms * 1e3 / (w.Unit switch { "TFLOP/s" => 1e12, "GB/s" => 1e9, _ => 1 });
            string other = theirs.TryGetValue(w.Name, out double t) ? string.Create(CultureInfo.InvariantCulture, $"{t:0.000} | {t / ms:0.00}") : " | ";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {w.Name} | {ms:0.000} | {host:0.000} | {rate:0.0} | {w.Unit} | {other} |"));
            if (args.GetValue(profile)) Profile(w);
        }
        if (args.GetValue(json) is { } path) File.WriteAllText(path, JsonSerializer.Serialize(ours));
        return 0;
    }

    static void Profile(DeviceWork work)
    {
        using var scope = Scope.Begin();
        var run = work.Create();
        run();
        var times = KernelTimes.Of(Device.Default, run);
        double all = times.Sum(t => t.Milliseconds);
        foreach (var t in times.Where(t => t.Milliseconds > 0.01 * all))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {t.Milliseconds,8:0.000} ms {t.Launches,4} x {t.Kernel}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {all,8:0.000} ms {times.Sum(t => t.Launches),4} launches in all"));
    }

    /// <summary>
    /// Milliseconds of one run: the median of five rounds, each long enough that waiting for its end does not count. And until the calls of one run have
    /// returned, from an idle device on: what bounds a run whose kernels are short.
    /// </summary>
    static (double Run, double Host) Measure(DeviceWork work, bool once)
    {
        using var scope = Scope.Begin();
        var run = work.Create();
        var backend = Device.Default.Backend;
        double Round(int times)
        {
            backend.Synchronize();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++) run();
            backend.Synchronize();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds / times;
        }
        double Host()
        {
            backend.Synchronize();
            long start = Stopwatch.GetTimestamp();
            run();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        double first = Round(1);
        if (once) return (first, Host());
        first = Math.Min(Round(1), Round(2));
        int count = (int)Math.Clamp(60 / first, 1, 2000);
        double[] rounds = [.. Enumerable.Range(0, first > 500 ? 1 : 5).Select(_ => Round(count))];
        double[] calls = [.. Enumerable.Range(0, 9).Select(_ => Host())];
        return (rounds.Order().ElementAt(rounds.Length / 2), calls.Order().ElementAt(calls.Length / 2));
    }
}
