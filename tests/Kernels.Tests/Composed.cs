namespace Tessera.Tests;

/// <summary>The CPU's verbs under the composed defaults of everything else: what a new backend is on its first day, and the reference of the CPU's own versions.</summary>
internal sealed class Composed : Backend
{
    static readonly Backend cpu = Device.Cpu.Backend;

    protected internal override nint Allocate(long bytes) => throw new NotSupportedException();

    protected internal override void Free(nint pointer, long bytes) => throw new NotSupportedException();

    public override void Upload(ReadOnlySpan<byte> source, Storage target, long offset = 0) => cpu.Upload(source, target, offset);

    public override void Download(Storage source, Span<byte> target, long offset = 0) => cpu.Download(source, target, offset);

    public override void Fill(View y, double value) => cpu.Fill(y, value);

    public override void Copy(View x, View y) => cpu.Copy(x, y);

    public override void Unary<TOp>(TOp op, View x, View y) => cpu.Unary(op, x, y);

    public override void Binary<TOp>(TOp op, View a, View b, View y) => cpu.Binary(op, a, b, y);

    public override void Compare<TOp>(TOp op, View a, View b, View y) => cpu.Compare(op, a, b, y);

    public override void Where(View condition, View a, View b, View y) => cpu.Where(condition, a, b, y);

    public override void Reduce<TOp>(TOp op, View x, View y) => cpu.Reduce(op, x, y);

    public override void ArgReduce(View x, View indices, int dim, bool largest) => cpu.ArgReduce(x, indices, dim, largest);

    public override void Scan<TOp>(TOp op, View x, View y, int dim) => cpu.Scan(op, x, y, dim);

    public override void Sort(View x, View values, View indices, int dim, bool descending) => cpu.Sort(x, values, indices, dim, descending);

    public override void Gemm(View a, View b, View y, float alpha = 1, float beta = 0) => cpu.Gemm(a, b, y, alpha, beta);

    public override void Gather(View x, View index, View y, int dim) => cpu.Gather(x, index, y, dim);

    public override void ScatterAdd(View y, View index, View source, int dim) => cpu.ScatterAdd(y, index, source, dim);

    public override void Uniform(View y, Philox random) => cpu.Uniform(y, random);

    public override void Normal(View y, Philox random) => cpu.Normal(y, random);
}
