namespace Tessera.NN;

public abstract partial class Module
{
    [ThreadStatic]
    static bool isRecomputing;

    /// <summary>
    /// Gradient checkpointing: while gradients are recorded, a call keeps only its input, and everything inside is computed again in the backward pass (Chen et al.,
    /// 2016). That costs one more forward pass of this module and saves its activations; gradients, statistics and dropout have the same bits. Set it on the blocks of
    /// a network, not on the network: what is computed again at once should be small. It counts for calls, so not for layers that run fused with their neighbours.
    /// </summary>
    /// <example><code>foreach (var stage in resnet.Stages.SelectMany(s => s)) stage.GradientCheckpointing = true;</code></example>
    public bool GradientCheckpointing { get; set; }

    /// <summary>True while a module runs a second time for its gradients: what counts or averages over calls, as batch norm does, leaves this one out.</summary>
    public static bool IsRecomputing => isRecomputing;

    Tensor Checkpointed(Tensor x)
    {
        using var scope = Scope.Local();
        return scope.Return(Autograd.Checkpoint(x, Parameters(), Compute));
    }

    Tensor Compute(Tensor x, bool again)
    {
        if (!again) return ForwardInScope(x);
        var (outer, seeing) = (isRecomputing, watcher);
        try
        {
            // Who watches has seen this call; layers still run one by one, as they did then.
            (isRecomputing, watcher) = (true, seeing is null ? null : static (_, _, _) => { });
            return ForwardInScope(x);
        }
        finally
        {
            (isRecomputing, watcher) = (outer, seeing);
        }
    }
}
