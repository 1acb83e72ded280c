namespace Tessera.Benchmarks;

/// <summary>libtorch's two orders of memory for 4-d tensors: N, C, H, W (its default) and channels-last. Peers are measured with both.</summary>
static class TorchLayout
{
    /// <summary>What the settings of a comparison are called: 0 default, 1 channels-last.</summary>
    public static string Name(int channelsLast) => channelsLast == 1 ? "channels-last" : "default layout";

    /// <summary>Whether channels-last is used where only one order is measured: it is faster for whole networks, and crashes libtorch 2.10 with tiny ones.</summary>
    public static bool Usual(BenchSize size) => !size.IsTiny;

    /// <summary>The elements in one of the two orders; takes over the tensor.</summary>
    public static TorchTensor Of(TorchTensor x, bool channelsLast)
    {
        if (!channelsLast || x.dim() != 4) return x;
        using var scope = Torch.NewDisposeScope();
        using var noGrad = Torch.no_grad();
        return x.DetachFromDisposeScope().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Brings all weights of a module to channels-last.</summary>
    public static void Apply(Torch.nn.Module module, bool channelsLast)
    {
        if (!channelsLast) return;
        using var noGrad = Torch.no_grad();
        foreach (var p in module.parameters().Where(p => p.dim() == 4))
        {
            using var scope = Torch.NewDisposeScope();
            p.set_(p.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
        }
    }
}
