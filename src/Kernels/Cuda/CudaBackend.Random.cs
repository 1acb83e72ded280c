using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>Random numbers by counter: an element's number depends on its logical index only. Uniform numbers are the CPU's bits, normal ones within 1 ulp.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void Uniform(View y, Philox random) => Draw(y, random, "uniform", perBlock: 4);

    public override void Normal(View y, Philox random) => Draw(y, random, "normal", perBlock: 2);

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
