using System.Runtime.InteropServices;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>
/// The GPU's kernels under every check of the emulator: no races in shared or global memory, no reads of what nobody wrote, no barriers or warp
/// instructions that a part of a warp misses. Each case has a driver of its own, whose memory has no content at first.
/// </summary>
public sealed class CheckedKernelsTests
{
    /// <summary>What a case works with: the device's operations and views in its memory.</summary>
    internal sealed class Bench(Device device) : IDisposable
    {
        readonly List<Lease> leases = [];
        readonly List<View> views = [];
        ulong seed;

        public CudaBackend Gpu { get; } = (CudaBackend)device.Backend;

        /// <summary>A dense view without content.</summary>
        public View Empty(Shape shape, DType type = DType.Float32)
        {
            var (storage, lease) = device.Memory.Rent(Math.Max(1, shape.Count) * type.Size());
            leases.Add(lease);
            var view = new View(storage, type, Layout.Dense(shape));
            views.Add(view);
            if (Cleared) Gpu.Upload(new byte[Math.Max(1, shape.Count) * type.Size()], storage);
            return view;
        }

        /// <summary>Whether views start as zeros.</summary>
        public bool Cleared { get; init; }

        /// <summary>The bytes of every view, in the order they were made.</summary>
        public byte[][] Contents() => [.. views.Select(v =>
        {
            byte[] content = new byte[v.Count * v.DType.Size()];
            Gpu.Download(v.Storage, content);
            return content;
        })];

        public View Normal(params int[] shape) => Of(new Shape(shape), Arrays.Normal(new Shape(shape).Count, ++seed));

        public View Positive(params int[] shape) => Of(new Shape(shape), [.. Arrays.Normal(new Shape(shape).Count, ++seed).Select(v => 0.1f + (v * v))]);

        public View Indices(int below, params int[] shape) => Of<long>(new Shape(shape), [.. Enumerable.Range(0, (int)new Shape(shape).Count).Select(i => (long)(i * 7 % below))], DType.Int64);

        public View Of<T>(Shape shape, T[] values, DType type = DType.Float32) where T : unmanaged
        {
            var view = Empty(shape, type);
            Gpu.Upload(MemoryMarshal.AsBytes(values.AsSpan()), view.Storage, view.Layout.Offset * type.Size());
            return view;
        }

        public void Dispose() => leases.ForEach(l => l.Dispose());
    }

    internal static readonly Dictionary<string, Action<Bench>> cases = new()
    {
        ["maps"] = b =>
        {
            View x = b.Normal(3, 7, 11, 5), y = b.Normal(3, 7, 11, 5), z = b.Empty([3, 7, 11, 5]), m = b.Empty([3, 7, 11, 5], DType.Bool);
            b.Gpu.Unary(new Ops.Exp(), x, z);
            b.Gpu.Unary(new Ops.Sin(), x.Permute(0, 2, 3, 1), b.Empty([3, 11, 5, 7]));
            b.Gpu.Binary(new Ops.Mul(), x, y, z);
            b.Gpu.Unary(new Ops.MulScalar(1e6f), x, y);
            b.Gpu.Unary(new Ops.Cos(), y, z);
            b.Gpu.Binary(new Ops.Fmod(), y, b.Of([1], [0.001f]).BroadcastTo([3, 7, 11, 5]), z);
            b.Gpu.Compare(new Ops.Less(), x, y, m);
            b.Gpu.Where(m, x, y, z);
            b.Gpu.Copy(x, b.Empty([3, 7, 11, 5], DType.BFloat16));
        },
        ["layer and group norm"] = b =>
        {
            foreach (Shape s in (Shape[])[[1, 5, 1, 7, 1], [1, 2, 3, 300, 1], [1, 2, 2, 3, 11], [1, 1, 1, 9000, 1]])
            {
                View x = b.Of(s, Arrays.Normal(s.Count, 7)), gy = b.Of(s, Arrays.Normal(s.Count, 8)), w = b.Normal(1, 1, s[2], s[3], 1), statistics = b.Empty([2, s[1], s[2], 1, 1]);
                b.Gpu.LayerNorm(x, w, null, 1e-5f, b.Empty(s), statistics);
                b.Gpu.LayerNorm(x, w, w, 1e-5f, b.Empty(s), statistics);
                b.Gpu.LayerNormBackward(gy, x, w, statistics, b.Empty(s), b.Empty(w.Shape), b.Empty(w.Shape));
                b.Gpu.LayerNormBackward(gy, x, null, statistics, b.Empty(s), null, null);
                b.Gpu.LayerNormBackward(gy, x, null, statistics, null, b.Empty(w.Shape), null);
            }
        },
        ["reductions"] = b =>
        {
            View x = b.Normal(3, 70, 11, 5);
            foreach (Shape s in (Shape[])[[1, 1, 1, 1], [1, 70, 1, 1], [3, 1, 11, 5], [3, 70, 1, 1], [3, 70, 11, 1]]) b.Gpu.Reduce(new Ops.Sum(), x, b.Empty(s));
            foreach (var (rows, columns, dim) in ((int, int, int)[])[(5, 7, 1), (3, 200, 1), (2, 1500, 1), (1, 4100, 1), (5000, 2, 0), (300, 33, 0)])
            {
                Shape s = [rows, columns];
                x = b.Normal(rows, columns);
                b.Gpu.Reduce(new Ops.Max(), x, b.Empty(s.With(dim, 1)));
                b.Gpu.ArgReduce(x, b.Empty(s.With(dim, 1), DType.Int64), dim, largest: true);
            }
        },
        ["order"] = b =>
        {
            foreach (int length in (int[])[5, 40, 700, 2100, 8200])
            {
                View x = b.Normal(2, length);
                b.Gpu.Sort(x, b.Empty([2, length]), b.Empty([2, length], DType.Int64), 1, descending: false, plain: length < 50);
                if (length < 2200) b.Gpu.Sort(x, b.Empty([2, length]), b.Empty([2, length], DType.Int64), 1, descending: true);
                b.Gpu.Scan(new Ops.Sum(), x, b.Empty([2, length]), 1);
                b.Gpu.Scan(new Ops.Sum(), x, x, 1);
            }
        },
        ["softmax"] = b =>
        {
            foreach (var version in Enum.GetValues<CudaBackend.SoftmaxKernel>())
                foreach (var (rows, columns, dim) in ((int, int, int)[])[(9, 130, 1), (3, 700, 1), (70, 33, 0), (600, 2, 0)])
                {
                    View x = b.Normal(rows, columns), y = b.Empty([rows, columns]);
                    b.Gpu.Softmax(x, y, dim, log: columns == 130, version);
                    b.Gpu.SoftmaxBackward(x, y, b.Empty([rows, columns]), dim, log: columns == 130, version);
                    b.Gpu.SoftmaxBackward(x, y, x, dim, log: columns != 130, version);
                }
        },
        ["cross-entropy"] = b =>
        {
            foreach (Shape s in (Shape[])[[5, 3], [4, 1003], [2, 9000], [3, 40, 6], [2, 21, 3, 2]])
            {
                Shape one = s.With(1, 1);
                View x = b.Of(s, Arrays.Normal(s.Count, 7)), g = b.Of(one, Arrays.Normal(one.Count, 8)), kept = b.Empty([2, (int)one.Count]);
                View counts = b.Of(one, [.. Enumerable.Range(0, (int)one.Count).Select(i => i != 1)], DType.Bool);
                var target = new ClassTargets(b.Indices(s[1], one.ToArray()), counts, b.Of(one, [.. Enumerable.Repeat(0.5f, (int)one.Count)]));
                foreach (var t in (ClassTargets[])[target, target with { ClassWeights = b.Positive(s[1]) }, target with { ClassWeights = b.Positive(s[1]), Smoothing = 0.1f }, target with { Smoothing = 0.1f }])
                {
                    b.Gpu.CrossEntropy(x, t, b.Empty(one), kept);
                    b.Gpu.CrossEntropyBackward(x, t, kept, g, b.Empty(s));
                }
            }
        },
        ["indices and random"] = b =>
        {
            View x = b.Normal(40, 12), y = b.Empty([9, 12]);
            b.Gpu.Gather(x, b.Indices(40, 9, 12), y, 0);
            b.Gpu.ScatterAdd(x, b.Indices(40, 9, 12), y, 0);
            b.Gpu.ScatterAdd(x, b.Indices(40, 301, 1).BroadcastTo([301, 12]), b.Normal(301, 12), 0);
            b.Gpu.Uniform(b.Empty([1001]), new Philox(1));
            b.Gpu.Normal(b.Empty([1001]), new Philox(1));
            b.Gpu.Uniform(b.Empty([2, 5, 3, 7]), new Philox(1)); // channels-last
            b.Gpu.Normal(b.Empty([2, 5, 3, 7]), new Philox(1));
        },
        ["steps"] = b =>
        {
            View w = b.Normal(1001), g = b.Normal(1001);
            StepTensors[] many = [.. Enumerable.Range(1, 70).Select(n => new StepTensors(b.Normal(90 * n), b.Normal(90 * n), b.Normal(90 * n), b.Positive(90 * n), b.Normal(90 * n)))];
            b.Gpu.SgdSteps(many, new StepOptions(0.1f, 0.9, L2: 0.1f, Nesterov: true));
            b.Gpu.AdamSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            b.Gpu.RmsPropSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            b.Gpu.RmsPropStep(w, g, b.Positive(1001), null, null, new StepOptions(0.1f, 0, 0.99, 1e-5f));
            b.Gpu.SgdStep(w, g, b.Normal(1001), new StepOptions(0.1f, 0.9));
            b.Gpu.AdamStep(w, g, b.Normal(1001), b.Positive(1001), new StepOptions(0.1f, 0.9, 0.99, 1e-5f, Correction1: 0.1, Correction2: 0.01));
        },
        ["norms of gradients"] = b =>
        {
            View[] many = [.. Enumerable.Range(1, 70).Select(n => b.Normal(90 * n)), b.Normal(9001).Slice(0, 1, 9000)];
            Assert.That(b.Gpu.SumOfSquares(many), Is.GreaterThan(0));
            b.Gpu.Scale(many, 0.5f);
        },
        ["products"] = b =>
        {
            foreach (var (m, n, k) in ((int, int, int)[])[(1, 70, 300), (70, 3, 65), (130, 129, 33), (64, 64, 2000)]) b.Gpu.Gemm(b.Normal(m, k), b.Normal(k, n), b.Empty([m, n]));
            b.Gpu.Gemm(b.Normal(2, 20, 17), b.Normal(2, 17, 36), b.Empty([2, 20, 36]), new Epilogue(b.Normal(36), b.Normal(2, 20, 36), true));
        },
        ["convolutions"] = b =>
        {
            foreach (var (c, k, p) in ((int, int, Window2d)[])[(3, 16, new(3, 3, 2, 2, 1, 1, 1, 1)), (8, 68, new(3, 3, 1, 1, 1, 1, 1, 1)), (8, 8, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4)), (20, 12, new(1, 1))])
            {
                View x = b.Normal(2, c, 9, 8), w = b.Normal(k, c / p.Groups, p.R, p.S), y = b.Empty([2, k, p.OutH(9), p.OutW(8)]);
                b.Gpu.Conv2d(x, w, y, p, new Epilogue(Moments: b.Empty([2, k])));
                b.Gpu.Conv2dBackwardData(y, w, b.Empty(x.Shape), p);
                b.Gpu.Conv2dBackwardWeight(y, x, b.Empty(w.Shape), p);
            }
        },
        ["batch norm"] = b => BatchNorm(b, plain: false),
        ["batch norm, plain"] = b => BatchNorm(b, plain: true),
        ["pools"] = b => Pools(b, plain: false),
        ["pools, plain"] = b => Pools(b, plain: true),
        ["pictures"] = b =>
        {
            b.Gpu.SamplePictures(PictureTests.Pictures, b.Empty(PictureTests.Shape), PictureTests.Scale);
            b.Gpu.NormalizeBytes(b.Of([2, 3, 5, 7], [.. Enumerable.Range(0, 210).Select(i => (byte)i)], DType.UInt8), b.Empty([2, 3, 5, 7]), PictureTests.Scale);
        },
        ["grid sample"] = b =>
        {
            foreach (var (c, padding) in ((int, GridPadding)[])[(8, GridPadding.Zeros), (33, GridPadding.Border), (132, GridPadding.Reflection)])
            {
                View x = b.Normal(2, c, 5, 6), grid = b.Normal(2, 3, 7, 2), y = b.Empty([2, c, 3, 7]);
                b.Gpu.GridSample(x, grid, y, new(padding));
                b.Gpu.GridSampleBackward(y, x, grid, b.Empty(x.Shape), b.Empty(grid.Shape), new(padding, AlignCorners: c == 33));
            }
        },
    };

    static void BatchNorm(Bench b, bool plain)
    {
        b.Gpu.PlainChannels = plain;
        foreach (Shape s in (Shape[])[[2, 64, 20, 20], [3, 20, 5, 5], [1, 132, 3, 1], [2, 4, 13, 11], [7, 33, 2, 1]])
        {
            int C = s[1];
            View x = b.Normal(s.ToArray()), g = b.Normal(s.ToArray()), y = b.Empty(s), moments = b.Empty([2, C]), gr = b.Empty(s);
            b.Gpu.Moments(x, moments, 1);
            b.Gpu.MoveStatistics(moments, b.Normal(C), b.Normal(C), 0.1f, 1.01f);
            var norm = new ChannelNorm(moments.Slice(0, 0, 1).Reshape([C]), moments.Slice(0, 1, 1).Reshape([C]), 1e-5f, b.Normal(C), b.Normal(C));
            b.Gpu.BatchNorm(x, norm, g, relu: true, y);
            b.Gpu.BatchNormBackward(g, x, y, norm, relu: true, given: false, b.Empty(s), gr, b.Empty([C]), b.Empty([C]));
            b.Gpu.BatchNormBackward(g, x, null, norm, relu: true, given: false, g, null, null, b.Empty([C]));
            b.Gpu.BatchNormBackward(gr, x, y, norm, relu: true, given: true, b.Empty(s), gr, b.Empty([C]), null);
        }
        View bias = b.Normal(40);
        b.Gpu.Conv2d(b.Normal(1, 1, 3, 3), b.Normal(20, 1, 1, 1), b.Empty([1, 20, 3, 3]), new Window2d(1, 1), new Epilogue(bias.As(new Layout([20], [2])), b.Normal(1, 20, 3, 3), true));
    }

    static void Pools(Bench b, bool plain)
    {
        b.Gpu.PlainChannels = plain;
        foreach (var (c, p) in ((int, Window2d)[])[(8, new(3, 3, 2, 2, 1, 1, 1, 1)), (33, new(2, 2, 2, 2)), (132, new(2, 3, 1, 2, 1, 1, 1, 1, 2, 1))])
        {
            View x = b.Normal(2, c, 9, 8), y = b.Empty([2, c, p.OutH(9), p.OutW(8)]), at = b.Empty(y.Shape, DType.Int32);
            b.Gpu.MaxPool2d(x, y, at, p);
            b.Gpu.MaxPool2dBackward(y, at, b.Empty(x.Shape), p);
            b.Gpu.AvgPool2d(x, y, p, countPadding: true);
            b.Gpu.AvgPool2dBackward(y, b.Empty(x.Shape), p, countPadding: false);
        }
    }

    [TestCaseSource(nameof(Names))]
    public void NothingIsFound(string name)
    {
        List<string> findings = [];
        HashSet<string> entries = [];
        var driver = new EmulatedCudaDriver
        {
            Checks = PtxChecks.All,
            ChecksContent = true,
            Reported = (entry, report) =>
            {
                entries.Add(entry);
                findings.AddRange(report.Findings.Select(f => f.ToString()));
            },
        };
        using var backend = new CudaBackend(driver);
        using (var bench = new Bench(new Device("checked", backend))) cases[name](bench);
        TestContext.Out.WriteLine(string.Join(' ', entries.Order(StringComparer.Ordinal)));
        Assert.That(entries, Is.Not.Empty);
        Assert.That(findings, Is.Empty);
    }

    static IEnumerable<string> Names() => cases.Keys;
}
