using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>A steady launch takes nothing from the managed heap; an operation that needs memory of the device for itself only the objects that stand for it.</summary>
[NonParallelizable]
public sealed class LaunchAllocationTests
{
    const int Scratch = 400; // bytes of a storage, a lease and the shapes of what lies in it

    static readonly Dictionary<string, (int Most, Func<Bench, Action> Work)> cases = new(StringComparer.Ordinal)
    {
        ["map"] = (0, b => () => b.Gpu.Unary(default(Ops.Relu), b.X, b.Y)),
        ["map with a parameter"] = (0, b => () => b.Gpu.Unary(new Ops.MulScalar(3), b.X, b.Y)),
        ["sum"] = (0, b => () => b.Gpu.Binary(default(Ops.Add), b.X, b.X, b.Y)),
        ["sum of rows"] = (0, b => Using(b.C.As(new Layout(b.X.Shape, [0, 1, 0, 0])), c => () => b.Gpu.Binary(default(Ops.Add), b.X, c, b.Y))),
        ["strided sum"] = (0, b => Using(b.X.Permute(0, 1, 3, 2), x => () => b.Gpu.Binary(default(Ops.Add), x, b.X, b.Y))),
        ["fill"] = (0, b => () => b.Gpu.Fill(b.Y, 1)),
        ["copy"] = (0, b => () => b.Gpu.Copy(b.X, b.Y)),
        ["strided copy"] = (0, b => Using(b.X.Permute(0, 1, 3, 2), x => () => b.Gpu.Copy(x, b.Y))),
        ["product"] = (0, b => () => b.Gpu.Gemm(b.A, b.A, b.B)),
        ["convolution"] = (Scratch, b => () => b.Gpu.Conv2d(b.X, b.W, b.Y, new Window2d(3, 3, 1, 1, 1, 1, 1, 1), new Epilogue(b.C, b.X, true))),
        ["moments"] = (Scratch, b => () => b.Gpu.Moments(b.X, b.M, 1)),
        ["batch norm"] = (0, b => () => b.Gpu.BatchNorm(b.X, new ChannelNorm(b.C, b.C, 1e-5f, b.C, b.C), b.X, relu: true, b.Y)),
        ["max pool"] = (0, b => () => b.Gpu.MaxPool2d(b.X, b.P, null, new Window2d(2, 2, 2, 2))),
        ["softmax"] = (0, b => () => b.Gpu.Softmax(b.A, b.B, 1, log: true)),
    };

    /// <summary>A GPU that does nothing, and operands in its memory.</summary>
    sealed class Bench : IDisposable
    {
        readonly List<Lease> leases = [];
        readonly Device device;

        public Bench()
        {
            Gpu = new CudaBackend(NativeCudaDriver.TryOpen(0).Driver!);
            device = new Device("test", Gpu, 1 << 30);
            (X, Y, P, C, M, W, A, B) = (Empty(2, 32, 12, 12), Empty(2, 32, 12, 12), Empty(2, 32, 6, 6), Empty(32), Empty(2, 32), Empty(32, 32, 3, 3), Empty(64, 64), Empty(64, 64));
        }

        public CudaBackend Gpu { get; }

        public View X { get; }

        public View Y { get; }

        public View P { get; }

        public View C { get; }

        public View M { get; }

        public View W { get; }

        public View A { get; }

        public View B { get; }

        View Empty(params int[] shape)
        {
            var (storage, lease) = device.Memory.Rent(4 * new Shape(shape).Count);
            leases.Add(lease);
            return new View(storage, DType.Float32, Layout.Dense(shape));
        }

        public void Dispose()
        {
            leases.ForEach(l => l.Dispose());
            device.Memory.Trim();
            Gpu.Dispose();
        }
    }

    [TestCaseSource(nameof(Names))]
    public void ASteadyLaunchAllocatesNothing(string name)
    {
        var standIn = StandIn.Driver;
        using var bench = new Bench();
        var (most, make) = cases[name];
        var work = make(bench);
        for (int i = 0; i < 40; i++) work();
        Assert.That(standIn.Calls, Is.Not.Empty);
        standIn.Clear();
        long least = long.MaxValue; // the runtime may compile or collect meanwhile
        for (int i = 0; i < 5; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        TestContext.Out.WriteLine($"{least} bytes, {standIn.Calls.Length / 5} calls of the driver");
        standIn.Clear();
        Assert.That(least, Is.LessThanOrEqualTo(most));
    }

    static Action Using(View view, Func<View, Action> work) => work(view);

    static IEnumerable<string> Names() => cases.Keys;
}
