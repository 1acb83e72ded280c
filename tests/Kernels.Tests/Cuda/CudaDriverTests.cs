using System.Collections.Concurrent;
using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>What every <see cref="ICudaDriver"/> does: the emulator's, and the GPU's where there is one.</summary>
[TestFixture("emulator")]
[TestFixture("cuda:0")]
public sealed unsafe class CudaDriverTests(string name)
{
    static readonly string text = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "tests", "Kernels.Tests", "Cuda", "driver.ptx"));

    readonly ConcurrentDictionary<string, nint> functions = new();
    ICudaDriver driver = null!;
    nint stream, module;

    [OneTimeSetUp]
    public void Open()
    {
        if (name == "emulator") driver = new EmulatedCudaDriver();
        else
        {
            var (gpu, whyNot) = NativeCudaDriver.TryOpen(0);
            if (gpu is null) Assert.Ignore(whyNot!);
            driver = gpu!;
        }
        Ok(driver.StreamCreate(out stream));
        Ok(driver.ModuleLoadData(text, out module, out string log), log);
    }

    [OneTimeTearDown]
    public void Close()
    {
        if (driver is null) return;
        Ok(driver.ModuleUnload(module));
        Ok(driver.StreamDestroy(stream));
        driver.Dispose();
    }

    [Test]
    public void ItSaysWhatItIs()
    {
        Assert.That(driver.Name, Is.EqualTo(name));
        Assert.That(driver.DeviceName, Is.Not.Empty);
        Assert.That(driver.Architecture, Is.GreaterThanOrEqualTo(70));
        Assert.That(driver.Version, Is.GreaterThanOrEqualTo(LibCuda.OldestVersion));
        Assert.That(driver.Describe(CudaResult.ErrorOutOfMemory).Name, Is.EqualTo("CUDA_ERROR_OUT_OF_MEMORY"));
        Assert.That(Attribute(CudaDeviceAttribute.WarpSize), Is.EqualTo(32));
        Assert.That(10 * Attribute(CudaDeviceAttribute.ComputeCapabilityMajor) + Attribute(CudaDeviceAttribute.ComputeCapabilityMinor), Is.EqualTo(driver.Architecture));
        Assert.That(Attribute(CudaDeviceAttribute.MultiprocessorCount), Is.Positive);
        Ok(driver.MemGetInfo(out long free, out long total));
        Assert.That(free, Is.Positive.And.LessThanOrEqualTo(total));
    }

    [Test]
    public void CompiledCodeIsAModuleToo()
    {
        Ok(driver.Compile(text, out byte[] code));
        Ok(driver.ModuleLoadCode(code, out nint loaded));
        Ok(driver.ModuleGetFunction(loaded, "scale", out nint function));
        Assert.That(function, Is.Not.Zero);
        Ok(driver.ModuleUnload(loaded));
        Assert.That(driver.Compile(".version 7.0\nnonsense\n", out _), Is.Not.EqualTo(CudaResult.Success));
        Assert.That(driver.ModuleLoadCode("nonsense\0"u8, out _), Is.Not.EqualTo(CudaResult.Success));
    }

    [Test]
    public void BytesAreCopiedAndFilled()
    {
        const int n = 100_000;
        nint a = Allocate(4 * n), b = Allocate(4 * n);
        Ok(driver.MemHostAlloc(4 * n, out nint host));
        var pinned = new Span<int>((void*)host, n);
        for (int i = 0; i < n; i++) pinned[i] = 7919 * i;
        Ok(driver.MemcpyHtoDAsync(a, host, 4 * n, stream));
        Ok(driver.MemcpyDtoDAsync(b, a, 4 * n, stream));
        Ok(driver.MemsetD8Async(b, 0xAB, 8, stream));
        Ok(driver.MemsetD32Async(b + 16, 0xDEADBEEF, 3, stream));
        Ok(driver.MemcpyDtoHAsync(host, b, 4 * n, stream));
        Ok(driver.StreamSynchronize(stream));
        int[] expected = [.. Enumerable.Range(0, n).Select(i => i < 2 ? unchecked((int)0xABABABAB) : i is >= 4 and < 7 ? unchecked((int)0xDEADBEEF) : 7919 * i)];
        Assert.That(pinned.SequenceEqual(expected));
        Ok(driver.MemFreeHost(host));
        Free(a, b);
    }

    [Test]
    public void MemoryInTheOrderOfAStream()
    {
        Ok(driver.MemAllocAsync(4000, stream, out nint a));
        Ok(driver.MemsetD32Async(a, 5, 1000, stream));
        var back = new int[1000];
        fixed (int* p = back) Ok(driver.MemcpyDtoHAsync((nint)p, a, 4000, stream));
        Ok(driver.MemFreeAsync(a, stream));
        Ok(driver.StreamSynchronize(stream));
        Assert.That(back, Is.All.EqualTo(5));
    }

    [Test]
    public void MoreMemoryThanThereIsIsRefused()
    {
        Assert.That(driver.MemAlloc(1L << 50, out _), Is.EqualTo(CudaResult.ErrorOutOfMemory));
        Assert.That(driver.MemAlloc(0, out _), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Free(Allocate(1024));
    }

    [Test]
    public void AKernelReadsItsParametersIndicesAndGlobals()
    {
        const int n = 3000;
        float[] x = [.. Enumerable.Range(0, n).Select(i => i * 0.37f)], offsets = [1, 2, 3, 4];
        nint at = Upload(x), y = Allocate(4 * n);
        Ok(driver.ModuleGetGlobal(module, "offsets", out nint global, out long bytes));
        Assert.That(bytes, Is.EqualTo(16));
        fixed (float* p = offsets) Ok(driver.MemcpyHtoDAsync(global, (nint)p, 16, stream));
        // 3 · 4 · 5 blocks of 8 · 4 · 2 threads: 3840 threads for 3000 elements
        Launch("scale", new(3, 4, 5), new(8, 4, 2), 0, stream, at, y, 1.5f, n);
        Assert.That(Download<float>(y, n), Is.EqualTo(x.Select((v, i) => MathF.FusedMultiplyAdd(1.5f, v, offsets[i % 4]))));
        Free(at, y);
    }

    [Test]
    public void AKernelMayHaveMoreSharedMemoryThanUsual()
    {
        const int n = 16 << 10; // 64 KiB
        Assert.That(Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin), Is.GreaterThanOrEqualTo(4 * n));
        int[] x = [.. Enumerable.Range(0, n)];
        nint at = Upload(x), y = Allocate(4 * n);
        Ok(driver.FuncSetAttribute(Function("reverse"), CudaFunctionAttribute.MaxDynamicSharedSizeBytes, 4 * n));
        Launch("reverse", 1, 256, 4 * n, stream, at, y, n);
        Assert.That(Download<int>(y, n), Is.EqualTo(x.Reverse()));
        Free(at, y);
    }

    [Test]
    public void AFunctionSaysWhatItNeeds()
    {
        nint scale = Function("scale");
        Ok(driver.FuncGetAttribute(scale, CudaFunctionAttribute.MaxThreadsPerBlock, out int threads));
        Ok(driver.FuncGetAttribute(scale, CudaFunctionAttribute.LocalSizeBytes, out int spilled));
        Ok(driver.OccupancyMaxActiveBlocksPerMultiprocessor(scale, 256, 0, out int blocks));
        Assert.That((threads, spilled), Is.EqualTo((1024, 0)));
        Assert.That(blocks, Is.InRange(1, 32));
    }

    [Test]
    public void MoreSharedMemoryMustBeAskedFor()
    {
        const int bytes = 64 << 10, n = bytes / 4;
        int most = Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin);
        nint x = Upload(new int[n]), y = Allocate(bytes);
        Ok(driver.ModuleLoadData(text, out nint fresh, out _));
        Ok(driver.ModuleGetFunction(fresh, "reverse", out nint reverse));
        Ok(driver.FuncGetAttribute(reverse, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, out int unasked));
        Assert.That(unasked, Is.EqualTo(48 << 10));
        Assert.That(TryLaunch(reverse, 1, 256, bytes, stream, x, y, n), Is.EqualTo(CudaResult.ErrorInvalidValue), "not asked for");
        Assert.That(driver.FuncSetAttribute(reverse, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, most + 1), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Ok(driver.FuncSetAttribute(reverse, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, bytes));
        Ok(TryLaunch(reverse, 1, 256, bytes, stream, x, y, n));
        Assert.That(TryLaunch(reverse, 1, 256, bytes + 16, stream, x, y, n), Is.EqualTo(CudaResult.ErrorInvalidValue), "more than was asked for");
        Ok(driver.StreamSynchronize(stream));
        Ok(driver.ModuleUnload(fresh));
        Free(x, y);
    }

    [Test]
    public void AKernelHasItsOwnLimits()
    {
        nint few = Function("few"), y = Allocate(4 * 128);
        Ok(driver.FuncGetAttribute(few, CudaFunctionAttribute.MaxThreadsPerBlock, out int threads));
        Ok(driver.FuncGetAttribute(few, CudaFunctionAttribute.SharedSizeBytes, out int shared));
        Assert.That((threads, shared), Is.EqualTo((64, 4096)));
        int most = Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin) - shared;
        Assert.That(driver.FuncSetAttribute(few, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, most + 1), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Assert.That(TryLaunch(few, 1, 128, 0, stream, y), Is.Not.EqualTo(CudaResult.Success), "more threads than .maxntid");
        Assert.That(TryLaunch(few, 1, 64, 45 << 10, stream, y), Is.EqualTo(CudaResult.ErrorInvalidValue), "48 KB of static and dynamic memory together");
        Launch("few", 1, 64, 44 << 10, stream, y);
        Assert.That(Download<int>(y, 64), Is.EqualTo(Enumerable.Range(0, 64).Reverse()));
        Free(y);
    }

    [Test]
    public void SharedMemoryLeavesRoomForFewerBlocks()
    {
        nint few = Function("few");
        Ok(driver.OccupancyMaxActiveBlocksPerMultiprocessor(few, 64, 0, out int alone));
        Ok(driver.OccupancyMaxActiveBlocksPerMultiprocessor(few, 64, 40 << 10, out int blocks));
        int fit = Attribute(CudaDeviceAttribute.MaxSharedMemoryPerMultiprocessor) / (44 << 10);
        Assert.That(blocks, Is.InRange(1, fit).And.LessThan(alone));
    }

    [Test]
    public void AFunctionThatIsNotThereIsNotFound()
    {
        Assert.That(driver.ModuleGetFunction(module, "nothing", out _), Is.EqualTo(CudaResult.ErrorNotFound));
        Assert.That(driver.ModuleGetGlobal(module, "nothing", out _, out _), Is.EqualTo(CudaResult.ErrorNotFound));
    }

    [Test]
    public void ATextThatDoesNotCompileSaysWhere()
    {
        string wrong = text.Replace("fma.rn.f32 v, a, v, o;", "fma.rn.f32 v, a, v, missing;", StringComparison.Ordinal);
        Assert.That(driver.ModuleLoadData(wrong, out _, out string log), Is.EqualTo(CudaResult.ErrorInvalidPtx));
        int line = wrong[..wrong.IndexOf("missing", StringComparison.Ordinal)].Count(c => c == '\n') + 1;
        Assert.That(log, Does.Contain(name == "emulator" ? $"ptx:{line}:" : $"{line} | fma.rn.f32 v, a, v, missing;"));
    }

    [Test]
    public void EventsOrderAndTimeStreams()
    {
        Ok(driver.StreamCreate(out nint second));
        Ok(driver.EventCreate(timing: true, out nint start));
        Ok(driver.EventCreate(timing: true, out nint end));
        nint counter = Upload([0]);
        Ok(driver.EventRecord(start, stream));
        for (int i = 0; i < 50; i++) Launch("count", 1, 1, 0, stream, counter);
        Ok(driver.EventRecord(end, stream));
        Ok(driver.StreamWaitEvent(second, end));
        for (int i = 0; i < 50; i++) Launch("count", 1, 1, 0, second, counter);
        Ok(driver.EventSynchronize(end));
        Ok(driver.EventQuery(end));
        Ok(driver.StreamSynchronize(second));
        Ok(driver.StreamQuery(second));
        Ok(driver.EventElapsedTime(start, end, out float milliseconds));
        Assert.That(milliseconds, Is.GreaterThanOrEqualTo(0).And.LessThan(60_000));
        Assert.That(Download<int>(counter, 1), Is.EqualTo(new[] { 100 }));
        Ok(driver.EventDestroy(start));
        Ok(driver.EventDestroy(end));
        Ok(driver.StreamDestroy(second));
        Free(counter);
    }

    [Test]
    public void AGraphRepeatsWhatWasCaptured()
    {
        nint counter = Upload([0]);
        Launch("count", 1, 1, 0, stream, counter);
        Ok(driver.StreamBeginCapture(stream));
        Launch("count", 1, 1, 0, stream, counter);
        Launch("count", 1, 1, 0, stream, counter);
        Ok(driver.StreamEndCapture(stream, out nint graph));
        Ok(driver.GraphInstantiate(graph, out nint executable));
        Ok(driver.GraphDestroy(graph));
        for (int i = 0; i < 3; i++) Ok(driver.GraphLaunch(executable, stream));
        Assert.That(Download<int>(counter, 1), Is.EqualTo(new[] { 7 }), "once at once, two in each of three launches, none while captured");
        Ok(driver.GraphExecDestroy(executable));
        Free(counter);
    }

    [Test]
    public void FourThreadsAtOnce()
    {
        const int n = 1000;
        var results = new float[4][];
        Ok(driver.ModuleGetGlobal(module, "offsets", out nint global, out _));
        Ok(driver.MemsetD32Async(global, 0, 4, stream));
        Ok(driver.CtxSynchronize());
        Task.WaitAll([.. Enumerable.Range(0, 4).Select(t => Task.Factory.StartNew(() =>
        {
            Ok(driver.StreamCreate(out nint own));
            nint x = Upload([.. Enumerable.Repeat((float)t, n)]), y = Allocate(4 * n);
            for (int i = 0; i < 10; i++) Launch("scale", 4, 256, 0, own, x, y, 2f, n);
            Ok(driver.StreamSynchronize(own));
            results[t] = Download<float>(y, n);
            Free(x, y);
            Ok(driver.StreamDestroy(own));
        }, TaskCreationOptions.LongRunning))]);
        for (int t = 0; t < 4; t++) Assert.That(results[t], Is.All.EqualTo(2f * t));
    }

    static void Ok(CudaResult result, string? message = null) => Assert.That(result, Is.EqualTo(CudaResult.Success), message);

    int Attribute(CudaDeviceAttribute attribute)
    {
        Ok(driver.DeviceGetAttribute(attribute, out int value));
        return value;
    }

    nint Function(string entry) => functions.GetOrAdd(entry, e =>
    {
        Ok(driver.ModuleGetFunction(module, e, out nint function));
        return function;
    });

    void Launch(string entry, Dim3 grid, Dim3 block, int shared, nint on, params KernelArgument[] arguments) => Ok(TryLaunch(Function(entry), grid, block, shared, on, arguments), entry);

    CudaResult TryLaunch(nint function, Dim3 grid, Dim3 block, int shared, nint on, params KernelArgument[] arguments)
    {
        fixed (KernelArgument* a = arguments)
        {
            void** parameters = stackalloc void*[arguments.Length];
            for (int i = 0; i < arguments.Length; i++) parameters[i] = KernelArgument.AddressOf(a + i);
            return driver.LaunchKernel(function, grid, block, shared, on, parameters);
        }
    }

    nint Allocate(long bytes)
    {
        Ok(driver.MemAlloc(bytes, out nint address));
        Assert.That((long)address % 256, Is.Zero, "aligned");
        return address;
    }

    void Free(params nint[] addresses)
    {
        foreach (nint a in addresses) Ok(driver.MemFree(a));
    }

    nint Upload<T>(T[] values) where T : unmanaged
    {
        nint address = Allocate(values.Length * sizeof(T));
        fixed (T* p = values)
        {
            Ok(driver.MemcpyHtoDAsync(address, (nint)p, values.Length * sizeof(T), stream));
            Ok(driver.StreamSynchronize(stream));
        }
        return address;
    }

    T[] Download<T>(nint address, int count) where T : unmanaged
    {
        var values = new T[count];
        fixed (T* p = values)
        {
            Ok(driver.MemcpyDtoHAsync((nint)p, address, (long)count * sizeof(T), stream));
            Ok(driver.StreamSynchronize(stream));
        }
        return values;
    }
}
