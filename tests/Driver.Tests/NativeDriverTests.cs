using System.Collections.Concurrent;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Every call of the driver: its arguments as the library sees them, its results, its context on every thread, and what is given back.</summary>
public sealed unsafe class NativeDriverTests
{
    readonly StandIn standIn = StandIn.Driver;
    NativeCudaDriver driver = null!;
    int live;

    [SetUp]
    public void Open()
    {
        live = standIn.Live;
        driver = NativeCudaDriver.TryOpen(0).Driver!;
        standIn.Clear();
    }

    [TearDown]
    public void Close()
    {
        standIn.Fail("");
        driver.Dispose();
        Assert.That(standIn.Live, Is.EqualTo(live), "objects given back");
    }

    [TestCase("cuStreamCreate"), TestCase("cuMemAlloc_v2"), TestCase("cuMemHostAlloc")]
    public void UploadsThatCannotBeginLeaveNothingAndBeginLater(string call)
    {
        using CudaBackend backend = new(driver);
        Assert.That(driver.MemAlloc(16, out nint target), Is.EqualTo(CudaResult.Success));
        using (var ring = new UploadRing(backend, 0))
        {
            int before = standIn.Live;
            standIn.Fail(call, CudaResult.ErrorOutOfMemory);
            for (int i = 0; i < 2; i++) Assert.That(() => ring.Send(new byte[16], target), Throws.TypeOf<CudaException>().With.Message.Contains("CUDA_ERROR_OUT_OF_MEMORY"));
            Assert.That(standIn.Live, Is.EqualTo(before));
            standIn.Fail("");
            ring.Send(new byte[16], target);
        }
        Assert.That(driver.MemFree(target), Is.EqualTo(CudaResult.Success));
    }

    [Test]
    public void EveryCallPassesItsArgumentsFromAnyThread()
    {
        nint a = Made(driver.MemAlloc(1 << 20, out nint p), p), s = Made(driver.StreamCreate(out p), p), later = Made(driver.MemAllocAsync(96, s, out p), p), host = Made(driver.MemHostAlloc(4096, out p), p);
        nint m = Made(driver.ModuleLoadData(".version 7.0\nk", out p, out _), p), f = Made(driver.ModuleGetFunction(m, "k_8", out p), p);
        nint start = Made(driver.EventCreate(timing: true, out p), p), end = Made(driver.EventCreate(timing: false, out p), p);
        Assert.That(driver.StreamBeginCapture(s), Is.EqualTo(CudaResult.Success));
        nint g = Made(driver.StreamEndCapture(s, out p), p), x = Made(driver.GraphInstantiate(g, out p), p);
        string[] made = [.. standIn.Calls.Where(c => !c.StartsWith("cuCtx", StringComparison.Ordinal))];
        Assert.That(made, Is.EqualTo(new[]
        {
            "cuMemAlloc_v2(1048576)", "cuStreamCreate(1)", $"cuMemAllocAsync(96, 0x{s:x})", "cuMemHostAlloc(4096, 1)",
            "cuModuleLoadDataEx(14 bytes, 5 options, 16384 for errors, 16384 for notes, line info 1)", $"cuModuleGetFunction(0x{m:x}, k_8)",
            "cuEventCreate(0)", "cuEventCreate(2)",
            $"cuStreamBeginCapture_v2(0x{s:x}, 2)", $"cuStreamEndCapture(0x{s:x})", $"cuGraphInstantiateWithFlags(0x{g:x}, 0)",
        }));

        ulong argument = 0x0102030405060708;
        void* address = &argument;
        nint parameters = (nint)(&address);
        (Func<CudaResult> Make, string Expected)[] calls =
        [
            (() => driver.DeviceGetAttribute(CudaDeviceAttribute.L2CacheSize, out _), "cuDeviceGetAttribute(38, 0)"),
            (() => driver.MemGetInfo(out _, out _), "cuMemGetInfo_v2()"),
            (() => driver.ModuleGetGlobal(m, "table", out _, out _), $"cuModuleGetGlobal_v2(0x{m:x}, table)"),
            (() => driver.FuncGetAttribute(f, CudaFunctionAttribute.NumRegs, out _), $"cuFuncGetAttribute(4, 0x{f:x})"),
            (() => driver.FuncSetAttribute(f, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, 65536), $"cuFuncSetAttribute(0x{f:x}, 8, 65536)"),
            (() => driver.OccupancyMaxActiveBlocksPerMultiprocessor(f, 256, 1L << 33, out _), $"cuOccupancyMaxActiveBlocksPerMultiprocessor(0x{f:x}, 256, 8589934592)"),
            (() => driver.LaunchKernel(f, new(int.MaxValue, 2, 3), new(64, 4, 2), 512, s, (void**)parameters), $"cuLaunchKernel(k_8, grid 2147483647 2 3, block 64 4 2, 512 shared, 0x{s:x}, 0807060504030201, (nil))"),
            (() => driver.MemcpyHtoDAsync(a, host, 4096, s), $"cuMemcpyHtoDAsync_v2(0x{a:x}, 0x{host:x}, 4096, 0x{s:x})"),
            (() => driver.MemcpyDtoHAsync(host, a, 4095, s), $"cuMemcpyDtoHAsync_v2(0x{host:x}, 0x{a:x}, 4095, 0x{s:x})"),
            (() => driver.MemcpyDtoDAsync(later, a, 96, s), $"cuMemcpyDtoDAsync_v2(0x{later:x}, 0x{a:x}, 96, 0x{s:x})"),
            (() => driver.MemsetD8Async(a, 200, 3000, s), $"cuMemsetD8Async(0x{a:x}, 200, 3000, 0x{s:x})"),
            (() => driver.MemsetD32Async(a, 0xFFFFFFFF, 16, s), $"cuMemsetD32Async(0x{a:x}, 4294967295, 16, 0x{s:x})"),
            (() => driver.StreamSynchronize(s), $"cuStreamSynchronize(0x{s:x})"),
            (() => driver.StreamQuery(s), $"cuStreamQuery(0x{s:x})"),
            (() => driver.EventRecord(start, s), $"cuEventRecord(0x{start:x}, 0x{s:x})"),
            (() => driver.EventRecord(end, 0), $"cuEventRecord(0x{end:x}, (nil))"),
            (() => driver.EventQuery(end), $"cuEventQuery(0x{end:x})"),
            (() => driver.EventSynchronize(end), $"cuEventSynchronize(0x{end:x})"),
            (() => driver.EventElapsedTime(start, end, out _), $"cuEventElapsedTime(0x{start:x}, 0x{end:x})"),
            (() => driver.StreamWaitEvent(s, end), $"cuStreamWaitEvent(0x{s:x}, 0x{end:x}, 0)"),
            (() => driver.GraphLaunch(x, s), $"cuGraphLaunch(0x{x:x}, 0x{s:x})"),
            (() => driver.CtxSynchronize(), "cuCtxSynchronize()"),
            (() => driver.GraphExecDestroy(x), $"cuGraphExecDestroy(0x{x:x})"),
            (() => driver.GraphDestroy(g), $"cuGraphDestroy(0x{g:x})"),
            (() => driver.EventDestroy(start), $"cuEventDestroy_v2(0x{start:x})"),
            (() => driver.EventDestroy(end), $"cuEventDestroy_v2(0x{end:x})"),
            (() => driver.ModuleUnload(m), $"cuModuleUnload(0x{m:x})"),
            (() => driver.MemFreeAsync(later, s), $"cuMemFreeAsync(0x{later:x}, 0x{s:x})"),
            (() => driver.MemFreeHost(host), $"cuMemFreeHost(0x{host:x})"),
            (() => driver.MemFree(a), $"cuMemFree_v2(0x{a:x})"),
            (() => driver.StreamDestroy(s), $"cuStreamDestroy_v2(0x{s:x})"),
        ];
        Assert.Multiple(() =>
        {
            foreach (var (make, expected) in calls)
            {
                standIn.Clear();
                // A thread that the driver has not seen has no context.
                Assert.That(OnNewThread(make), Is.EqualTo(CudaResult.Success), expected);
                Assert.That(standIn.Calls[^1], Is.EqualTo(expected));
            }
        });

        // What opening calls is in OpeningTests, linking in KernelFilesTests.
        string[] opening = ["cuInit", "cuDriverGetVersion", "cuGetErrorName", "cuGetErrorString", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2", "cuCtxSetCurrent", "cuLinkCreate_v2", "cuLinkAddData_v2", "cuLinkComplete", "cuLinkDestroy"];
        Assert.That(made.Concat(calls.Select(c => c.Expected)).Select(c => c[..c.IndexOf('(')]).Concat(opening).Distinct(), Is.EquivalentTo(LibCuda.EntryPoints));
    }

    [Test]
    public void ResultsComeBack()
    {
        nint module = Made(driver.ModuleLoadData("k", out nint p, out string log), p), function = Made(driver.ModuleGetFunction(module, "k", out p), p);
        driver.DeviceGetAttribute(CudaDeviceAttribute.MultiprocessorCount, out int multiprocessors);
        driver.MemGetInfo(out long free, out long total);
        driver.FuncGetAttribute(function, CudaFunctionAttribute.LocalSizeBytes, out int local);
        driver.OccupancyMaxActiveBlocksPerMultiprocessor(function, 256, 0, out int blocks);
        driver.ModuleGetGlobal(module, "table", out nint address, out long bytes);
        Assert.Multiple(() =>
        {
            Assert.That(log, Is.Empty);
            Assert.That((multiprocessors, local, blocks, bytes), Is.EqualTo((1016, 2003, 8, 48L)));
            Assert.That((free, total), Is.EqualTo((60L << 30, 80L << 30)));
            Assert.That(address, Is.Not.Zero);
            Assert.That(driver.ModuleGetGlobal(module, "chair", out _, out _), Is.EqualTo(CudaResult.ErrorNotFound));
            Assert.That(driver.Describe(CudaResult.ErrorIllegalAddress), Is.EqualTo(("CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered")));
        });
        driver.ModuleUnload(module);
    }

    [Test]
    public void EventsTimeAStream()
    {
        driver.EventCreate(timing: true, out nint start);
        driver.EventCreate(timing: true, out nint end);
        Assert.That(driver.EventQuery(start), Is.EqualTo(CudaResult.ErrorNotReady));
        driver.EventRecord(start, 0);
        driver.EventRecord(end, 0);
        driver.EventElapsedTime(start, end, out float milliseconds);
        Assert.That(milliseconds, Is.EqualTo(1.5f));
        driver.EventDestroy(start);
        driver.EventDestroy(end);
    }

    [Test]
    public void AKernelReceivesTheBytesOfItsParameters()
    {
        nint module = Made(driver.ModuleLoadData("k", out nint p, out _), p), function = Made(driver.ModuleGetFunction(module, "k_8_4_4_8_8_12", out p), p);
        var sizes = (1, 2, 3);
        KernelArgument[] arguments = [unchecked((nint)0x1122334455667788), -2, 1.5f, -3L, 0.5, KernelArgument.Struct(ref sizes)];
        standIn.Clear();
        fixed (KernelArgument* a = arguments)
        {
            void** parameters = stackalloc void*[arguments.Length];
            for (int i = 0; i < arguments.Length; i++) parameters[i] = KernelArgument.AddressOf(a + i);
            driver.LaunchKernel(function, 1, 32, 0, 0, parameters);
        }
        Assert.That(standIn.Calls[^1], Does.Contain(" 8877665544332211 feffffff 0000c03f fdffffffffffffff 000000000000e03f 010000000200000003000000, (nil)"));
        driver.ModuleUnload(module);
    }

    [Test]
    public void ATextThatDoesNotCompileShowsTheLine()
    {
        using var kernels = new KernelCache(driver);
        var e = Assert.Throws<CudaException>(() => kernels.Get("k.ptx", "k", 0, _ => ".version 7.0\n.target sm_70\n  bad.f32 %f1;\nret;\n"));
        Assert.That(e!.Message, Is.EqualTo(string.Join('\n',
            "cuda:0: cuModuleLoadDataEx('k.ptx'): failed: got CUDA_ERROR_INVALID_PTX (218), expected CUDA_SUCCESS: a PTX JIT compilation failed; the compiler says: ptxas application ptx input, line 3; error   : Unknown instruction 'bad'",
            "     3 | bad.f32 %f1;",
            "ptxas fatal   : Ptx assembly aborted due to errors",
            "info    : 0 bytes gmem")));
        Assert.That((e.Code, e.Name), Is.EqualTo((218, "CUDA_ERROR_INVALID_PTX")));
    }

    [Test]
    public void EightThreadsAtOnce()
    {
        driver.StreamCreate(out nint stream);
        var wrong = new ConcurrentBag<string>();
        Task.WaitAll([.. Enumerable.Range(0, 8).Select(t => Task.Factory.StartNew(() =>
        {
            var sent = new byte[1000];
            var received = new byte[1000];
            for (int round = 0; round < 20; round++)
            {
                new Random(100 * t + round).NextBytes(sent);
                if (driver.MemAlloc(sent.Length, out nint address) != CudaResult.Success) wrong.Add("MemAlloc");
                fixed (byte* s = sent, r = received)
                {
                    if (driver.MemcpyHtoDAsync(address, (nint)s, sent.Length, stream) != CudaResult.Success) wrong.Add("HtoD");
                    if (driver.MemcpyDtoHAsync((nint)r, address, sent.Length, stream) != CudaResult.Success) wrong.Add("DtoH");
                }
                if (driver.StreamSynchronize(stream) != CudaResult.Success) wrong.Add("StreamSynchronize");
                if (!sent.AsSpan().SequenceEqual(received)) wrong.Add("bytes");
                if (driver.MemFree(address) != CudaResult.Success) wrong.Add("MemFree");
            }
        }, TaskCreationOptions.LongRunning))]);
        Assert.That(wrong, Is.Empty);
        Assert.That(standIn.Calls.Count(c => c.StartsWith("cuCtxSetCurrent", StringComparison.Ordinal)), Is.EqualTo(9), "once a thread");
        driver.StreamDestroy(stream);
    }

    [Test]
    public void AClosedDriverIsNotUsedAndOpensAgain()
    {
        Assert.That(driver.CtxSynchronize(), Is.EqualTo(CudaResult.Success));
        driver.Dispose();
        driver.Dispose();
        Assert.That(() => driver.CtxSynchronize(), Throws.TypeOf<ObjectDisposedException>());
        driver = NativeCudaDriver.TryOpen(0).Driver!;
        Assert.That(driver.CtxSynchronize(), Is.EqualTo(CudaResult.Success));
    }

    [Test]
    public void TwoGpusOnOneThreadKeepTheirContexts()
    {
        standIn["devices"] = 2;
        using var second = NativeCudaDriver.TryOpen(1).Driver!;
        standIn["devices"] = 1;
        standIn.Clear();
        driver.CtxSynchronize();
        second.CtxSynchronize();
        second.CtxSynchronize();
        driver.CtxSynchronize();
        string[] contexts = [.. standIn.Calls.Where(c => c.StartsWith("cuCtxSetCurrent", StringComparison.Ordinal))];
        Assert.That(contexts, Has.Length.EqualTo(3));
        Assert.That(contexts[0], Is.EqualTo(contexts[2]).And.Not.EqualTo(contexts[1]));
    }

    static nint Made(CudaResult result, nint handle)
    {
        Assert.That(result, Is.EqualTo(CudaResult.Success));
        Assert.That(handle, Is.Not.Zero);
        return handle;
    }

    static CudaResult OnNewThread(Func<CudaResult> call) => Task.Factory.StartNew(call, TaskCreationOptions.LongRunning).GetAwaiter().GetResult();
}
