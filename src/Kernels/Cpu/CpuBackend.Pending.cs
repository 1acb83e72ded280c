namespace Tessera.Cpu;

// Verbs not written yet: each leaves this file when its kernel arrives.
internal sealed partial class CpuBackend
{
    static NotSupportedException Pending() => new("pending");
    public override void Fill(View y, double value) => throw Pending();
    public override void Copy(View x, View y) => throw Pending();
    public override void Unary<TOp>(TOp op, View x, View y) => throw Pending();
    public override void Binary<TOp>(TOp op, View a, View b, View y) => throw Pending();
    public override void Compare<TOp>(TOp op, View a, View b, View y) => throw Pending();
    public override void Where(View condition, View a, View b, View y) => throw Pending();
    public override void Reduce<TOp>(TOp op, View x, View y) => throw Pending();
    public override void ArgReduce(View x, View indices, int dim, bool largest) => throw Pending();
    public override void Scan<TOp>(TOp op, View x, View y, int dim) => throw Pending();
    public override void Sort(View x, View values, View indices, int dim, bool descending) => throw Pending();
    public override void Gather(View x, View index, View y, int dim) => throw Pending();
    public override void ScatterAdd(View y, View index, View source, int dim) => throw Pending();
    public override void Uniform(View y, Philox random) => throw Pending();
    public override void Normal(View y, Philox random) => throw Pending();
}
