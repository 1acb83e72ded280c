using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>The most memory a process had resident during training steps of a ResNet-34, above what it had with the engine loaded and no network.</summary>
static class PeakMemory
{
    const int Steps = 3;

    /// <summary>In the child: prints peak and baseline in MiB.</summary>
    /// <param name="side"><c>tessera</c>, <c>torch</c> or <c>torch-channels-last</c>.</param>
    /// <param name="size">Sizes.</param>
    public static void Print(string side, BenchSize size)
    {
        Load(side);
        double baseline = Resident("VmRSS");
        ResetPeak();
        using (ITraining training = side == "tessera" ? new OurTraining(34, Learned.All, size) : Torch(size, side == "torch-channels-last"))
            for (int i = 0; i < Steps; i++) training.Step();
        Child.Answer(Resident("VmHWM"), baseline);
    }

    /// <summary>False where the system does not tell a process's memory.</summary>
    public static bool Available => File.Exists("/proc/self/status");

    // One small step: the engine and its libraries are loaded and compiled.
    static void Load(string side)
    {
        using ITraining training = side == "tessera" ? new OurTraining(18, Learned.All, BenchSize.Tiny) : LoadTorch();
        training.Step();
    }

    static ITraining LoadTorch() => Peer.TorchSharp.Loaded ? Torch(BenchSize.Tiny, false) : throw new NotSupportedException(Peer.TorchSharp.WhyNot);

    // A method of its own: the child of the other side does not load TorchSharp.
    static ITraining Torch(BenchSize size, bool channelsLast) => new TorchTraining(34, Learned.All, size, channelsLast);

    static double Resident(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field + ":", StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    static void ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then the peak since the start counts, which is no lower.
        }
    }
}
