namespace Tessera.Cpu;

/// <content>Random numbers by counter: an element's number depends on its logical index only.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void Uniform(View y, Philox random)
    {
        _ = y.Float();
        Nest.WithIndex(y).Run(new UniformRow(random), 4);
    }

    public override void Normal(View y, Philox random)
    {
        _ = y.Float();
        Nest.WithIndex(y).Run(new NormalRow(random), 16);
    }

    readonly struct UniformRow(Philox random) : IRow
    {
        public void Row(in Nest nest, nint y, nint index, nint p2, nint p3, long n)
        {
            for (; n > 0; n--, y += (nint)nest.Step(0), index += (nint)nest.Step(1)) *(float*)y = random.Uniform((ulong)index);
        }
    }

    readonly struct NormalRow(Philox random) : IRow
    {
        public void Row(in Nest nest, nint y, nint index, nint p2, nint p3, long n)
        {
            for (; n > 0; n--, y += (nint)nest.Step(0), index += (nint)nest.Step(1)) *(float*)y = random.Normal((ulong)index);
        }
    }
}
