namespace Tessera.Cuda;

internal sealed unsafe partial class CudaBackend
{
    public override void ArgReduce(View x, View indices, int dim, bool largest) => throw new NotImplementedException();

    public override void Scan<TOp>(TOp op, View x, View y, int dim) => throw new NotImplementedException();

    public override void Sort(View x, View values, View indices, int dim, bool descending) => throw new NotImplementedException();
}
