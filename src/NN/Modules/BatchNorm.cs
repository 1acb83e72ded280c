namespace Tessera.NN;

/// <summary>
/// Batch normalisation over channel dimension 1 (Ioffe &amp; Szegedy, 2015): y = (x - mean)/√(var + ε)·w + b. In training mode mean and variance are the
/// batch's, and the running statistics move towards them, whether or not w and b are trained; in evaluation mode the running ones are used.
/// </summary>
public abstract class BatchNorm : Module
{
    readonly Tensor batches;
    (long Count, int Version) tracked = (0, -1); // what the host knows of them

    /// <summary>A batch norm with w = 1, b = 0, running mean 0 and running variance 1.</summary>
    /// <param name="channels">C.</param>
    /// <param name="eps">ε.</param>
    /// <param name="momentum">Weight of the newest batch in the running statistics.</param>
    private protected BatchNorm(int channels, double eps, double momentum)
    {
        Channels.Require(nameof(BatchNorm), "channels", channels);
        (Eps, Momentum) = (eps, momentum);
        Weight = RegisterParameter("weight", Tensor.Ones([channels]));
        Bias = RegisterParameter("bias", Tensor.Zeros([channels]));
        RunningMean = RegisterBuffer("running_mean", Tensor.Zeros([channels]));
        RunningVar = RegisterBuffer("running_var", Tensor.Ones([channels]));
        batches = RegisterBuffer(BatchCounter, Tensor.Zeros([], DType.Int64));
    }

    /// <summary>ε.</summary>
    public double Eps { get; }

    /// <summary>Weight of the newest batch in the running statistics: r ← (1 - momentum)·r + momentum·batch.</summary>
    public double Momentum { get; set; }

    /// <summary>w <c>[C]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[C]</c>.</summary>
    public Tensor Bias { get; }

    /// <summary>Running mean <c>[C]</c>.</summary>
    public Tensor RunningMean { get; }

    /// <summary>Running variance <c>[C]</c>, unbiased.</summary>
    public Tensor RunningVar { get; }

    /// <summary>How many training batches moved the running statistics.</summary>
    public long BatchesTracked
    {
        get
        {
            int version = batches.View.Storage.Version;
            if (version != tracked.Version) tracked = (batches.ToArray<long>()[0], version);
            return tracked.Count;
        }
    }

    /// <inheritdoc/>
    protected override string Arguments => $"{Weight.Shape[0]}, eps={Py(Eps)}, momentum={Py(Momentum)}, affine=True, track_running_stats=True";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Forward(x, null, false, null);

    /// <summary>The same with what follows in one pass, relu(y + residual), and with statistics of x that are known.</summary>
    internal Tensor Forward(Tensor x, Tensor? residual, bool relu, Tensor? moments = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (!Takes(x.Rank)) throw new ShapeException($"{GetType().Name}: rank: got shape {x.Shape}, expected {Expected}. Hint: BatchNorm1d takes rows, BatchNorm2d pictures.");
        var y = x.BatchNorm(Weight, Bias, RunningMean, RunningVar, IsTraining, IsRecomputing ? 0 : (float)Momentum, (float)Eps, residual, relu, moments);
        if (IsTraining && !IsRecomputing) CountBatch();
        return y;
    }

    // The host counts, so that no batch waits for the device.
    void CountBatch()
    {
        long count = BatchesTracked + 1;
        batches.Device.Backend.Fill(batches.View, count);
        batches.View.Storage.Touch();
        tracked = (count, batches.View.Storage.Version);
    }

    private protected abstract bool Takes(int rank);

    private protected abstract string Expected { get; }
}

/// <inheritdoc cref="BatchNorm"/>
/// <remarks>x <c>[N, C, H, W]</c>.</remarks>
public sealed class BatchNorm2d(int channels, double eps = 1e-5, double momentum = 0.1) : BatchNorm(channels, eps, momentum)
{
    private protected override bool Takes(int rank) => rank == 4;

    private protected override string Expected => "[N, C, H, W]";
}

/// <inheritdoc cref="BatchNorm"/>
/// <remarks>x <c>[N, C]</c> or <c>[N, C, L]</c>.</remarks>
public sealed class BatchNorm1d(int channels, double eps = 1e-5, double momentum = 0.1) : BatchNorm(channels, eps, momentum)
{
    private protected override bool Takes(int rank) => rank is 2 or 3;

    private protected override string Expected => "[N, C] or [N, C, L]";
}
