using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>
/// Uploads that nobody waits for, on an emulator that does the work of a stream only when somebody waits for it: a wait that is missing shows as wrong bytes.
/// </summary>
public sealed unsafe class UploadTests
{
    Device device = null!;

    Backend Gpu => device.Backend;

    [SetUp]
    public void Open() => device = Device.OnGpu(new EmulatedCudaDriver { Deferred = true });

    [TearDown]
    public void Close() => ((CudaBackend)Gpu).Dispose();

    Storage Memory(long bytes) => device.Memory.Rent(bytes).Storage;

    byte[] Content(Storage storage, int bytes, int offset = 0)
    {
        byte[] content = new byte[bytes];
        Gpu.Download(storage, content, offset);
        return content;
    }

    static byte[] Bytes(int n, int seed)
    {
        byte[] bytes = new byte[n];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    [TestCase(1), TestCase(1000), TestCase((4 << 20) + 1), TestCase(9_000_001)]
    public void TheSourceMayBeWrittenAtOnceAndNobodyWaits(int n)
    {
        byte[] expected = Bytes(n, 1), source = [.. expected];
        var storage = Memory(n + 3L);
        new Span<byte>((void*)storage.Pointer, n + 3).Clear();
        Gpu.Upload(source, storage, 3);
        Array.Clear(source);
        Assert.That(new Span<byte>((void*)storage.Pointer, n + 3).ContainsAnyExcept((byte)0), Is.False, "nothing has been done yet");
        Assert.That(Content(storage, n, 3).AsSpan().SequenceEqual(expected));
    }

    [Test]
    public void UploadsAndKernelsKeepTheirOrder()
    {
        View x = new(Memory(4000), DType.Float32, Layout.Dense([1000])), y = new(Memory(4000), DType.Float32, Layout.Dense([1000]));
        float[] a = Arrays.Random(1000, 1), b = Arrays.Random(1000, 2);
        Gpu.Fill(x, 7);
        Gpu.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(a.AsSpan()), x.Storage);
        Gpu.Unary(default(Ops.Neg), x, y);
        Gpu.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(b.AsSpan()), x.Storage);
        Gpu.Upload([0, 0, 128, 63], y.Storage, 40);
        Assert.That(Floats(y), Is.EqualTo(a.Select((v, i) => i == 10 ? 1 : -v)));
        Assert.That(Floats(x), Is.EqualTo(b));

        float[] Floats(View v) => [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(Content(v.Storage, 4000))];
    }

    /// <summary>More pieces than are kept, and more bytes than the ring has: some wait for others, none overwrites one on its way.</summary>
    [TestCase(300, 100), TestCase(7, 22 << 20), TestCase(2, UploadRing.Size + 5)]
    public void ManyAndLargeOnesShareTheRing(int uploads, int bytes)
    {
        Storage[] storages = [.. Enumerable.Range(0, uploads).Select(_ => Memory(bytes))];
        for (int i = 0; i < uploads; i++) Gpu.Upload(Bytes(bytes, i), storages[i]);
        for (int i = 0; i < uploads; i++) Assert.That(Content(storages[i], bytes).AsSpan().SequenceEqual(Bytes(bytes, i)), $"upload {i}");
    }

    [Test]
    public void ManyThreadsUpload()
    {
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, t =>
        {
            for (int k = 0; k < 40; k++)
            {
                int n = 1 + ((t * 7919) + (k * 104729)) % 50_000;
                byte[] bytes = Bytes(n, (100 * t) + k);
                var storage = Memory(n);
                Gpu.Upload(bytes, storage);
                Assert.That(Content(storage, n).AsSpan().SequenceEqual(bytes), $"thread {t}, upload {k}");
            }
        });
    }

    [Test]
    public void NothingIsUploadedAndNothingPastTheEnd()
    {
        Gpu.Upload([], Memory(4));
        var memory = ((CudaBackend)Gpu).Driver;
        Assert.That(memory.MemAlloc(16, out nint address), Is.EqualTo(CudaResult.Success));
        using var ring = new UploadRing((CudaBackend)Gpu, 0);
        Assert.That(() => ring.Send(new byte[17], address), Throws.TypeOf<CudaException>().With.Message.Contains("of an upload"));
        Assert.That(() => ring.Send(new byte[16], address), Throws.Nothing);
    }

    /// <summary>A step whose work is all put off: indices are checked late, and memory goes back while work that uses it stands in line.</summary>
    [Test]
    public void WorkInLineKeepsItsResults()
    {
        View sum = new(Memory(4 * 50), DType.Float32, Layout.Dense([50]));
        Gpu.Fill(sum, 0);
        for (int k = 0; k < 20; k++)
        {
            using Temporary x = new(device, Layout.Dense([50])), i = new(device, Layout.Dense([50]), DType.Int64);
            Gpu.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Repeat((float)k, 50).ToArray().AsSpan()), x.View.Storage);
            Gpu.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Range(0, 50).Select(j => (long)(j + k) % 50).ToArray().AsSpan()), i.View.Storage);
            Gpu.ScatterAdd(sum, i.View, x.View, 0);
        }
        Assert.That(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(Content(sum.Storage, 200)).ToArray(), Is.All.EqualTo(190f));
        Gpu.CheckIndices(new View(sum.Storage, DType.Int64, Layout.Dense([25])), 1, null, i => new ShapeException($"got {i}"));
        Assert.That(Gpu.Synchronize, Throws.TypeOf<ShapeException>());
    }
}
