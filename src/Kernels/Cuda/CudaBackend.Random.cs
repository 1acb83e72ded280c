using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>Random numbers by counter: an element's number depends on its logical index only. Uniform numbers are the CPU's bits, normal ones within 1 ulp.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void Uniform(View y, Philox random) => Draw(y, random, "uniform", perBlock: 4);

    public override void Normal(View y, Philox random) => Draw(y, random, "normal", perBlock: 2);

    public override void Dropout(View x, View y, Ops.Dropout op, Philox random)
    {
        if (!KnowsHalves(x, y))
        {
            base.Dropout(x, y, op, random);
            return;
        }
        nint moved = rates?.Draw(random) ?? 0; // where a recorded launch finds its replay's stream
        if (y.Count == 0) return;
        ExpectCountable(y);
        var (c0, c1) = PtxFormula.Parameters(op);
        var nest = Nest.WithIndex(y, x);
        bool dense = IsDense(nest, [y.DType.Size(), x.DType.Size()]) && nest.Step(2) == 1;
        var kernel = PtxFormula.Kernel(Kernels, op, "dropout", HalfText.File("dropout.ptx", y.DType, x.DType), dense ? "dropout_dense" : "dropout_strided",
            static o => [new("drop", v => ((IBinary)o).Apply(v[0], v[1]))]);
        if (dense) Launch(kernel, BlocksFor((y.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), y.Count, c0, c1, random.Seed, random.Stream, moved]);
        else Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), c0, c1, random.Seed, random.Stream, moved]);
    }

    /// <summary>Where the elements lie in the order they are counted in, a thread writes all <paramref name="perBlock"/> numbers of a Philox block at once.</summary>
    void Draw(View y, Philox random, string name, int perBlock)
    {
        ExpectFloat(name, y);
        drewRandom = true;
        if (y.Count == 0) return;
        ExpectCountable(y);
        var nest = Nest.WithIndex(y);
        bool dense = nest.Rank == 1 && nest.Step(0) == sizeof(float) && nest.Step(1) == 1 && nest.Start(0) % (perBlock * sizeof(float)) == 0;
        if (dense) Launch("random.ptx", name + "_dense", BlocksFor((y.Count + perBlock - 1) / perBlock), BlockSize, [nest.Start(0), y.Count, random.Seed, random.Stream]);
        else Launch("random.ptx", name + "_strided", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), random.Seed, random.Stream]);
    }
}
