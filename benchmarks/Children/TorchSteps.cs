namespace Tessera.Benchmarks;

/// <summary>
/// Whether libtorch lives through a training step: two steps in a process of their own, for a library that divides by zero takes the whole
/// process with it.
/// </summary>
static class TorchSteps
{
    const int Steps = 2;

    /// <summary>In the child: prints how many steps it made.</summary>
    public static void Print(int depth, Learned learned, BenchSize size, bool channelsLast)
    {
        if (!Peer.TorchSharp.Loaded) throw new NotSupportedException(Peer.TorchSharp.WhyNot);
        using var training = new TorchTraining(depth, learned, size, channelsLast);
        for (int i = 0; i < Steps; i++) training.Step();
        Child.Answer(Steps);
    }

    /// <summary>In the parent: null where it lives, else how the child ended.</summary>
    public static string? HowItEnds(int depth, Learned learned, BenchSize size, bool channelsLast)
    {
        try
        {
            Child.Start([], "torch-steps", depth.ToString(System.Globalization.CultureInfo.InvariantCulture), learned.ToString(), size.IsTiny ? "tiny" : "full", channelsLast.ToString());
            return null;
        }
        catch (ChildException e)
        {
            return e.Ending;
        }
    }
}
