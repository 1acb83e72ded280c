using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>What the emulated driver says of mistakes, and where it ends a launch.</summary>
public sealed unsafe class EmulatedDriverTests
{
    const string text = """
        .version 7.0
        .target sm_70
        .address_size 64
        .visible .entry endless()
        {
        again:
            bra again;
        }
        .visible .entry set(.param .u64 p)
        {
            .reg .b64 %d;
            ld.param.u64 %d, [p];
            st.global.u32 [%d], 7;
            ret;
        }
        """;

    [Test]
    public void AnEndlessKernelIsEnded()
    {
        using EmulatedCudaDriver driver = new() { StepLimit = 100_000 };
        Assert.That(Launch(driver, "endless", 32), Is.EqualTo(CudaResult.ErrorLaunchTimeout));
        Assert.That(driver.Describe(CudaResult.ErrorLaunchTimeout), Is.EqualTo(("CUDA_ERROR_LAUNCH_TIMEOUT", "ptx:7:5: steps: the launch took more than 100000 warp instructions, its limit (kernel 'endless', block (0, 0, 0), thread (0, 0, 0))")));
        Device device = Device.OnGpu(new EmulatedCudaDriver { StepLimit = 100_000 });
        Assert.That(() => PtxModule.Parse(text).Launch(device, "endless", new((1, 1, 1), (32, 1, 1))), Throws.TypeOf<CudaException>().With.Message.Contains("took more than 100000 warp instructions"));
    }

    [Test]
    public void AnErrorCarriesItsOwnReason()
    {
        using EmulatedCudaDriver driver = new();
        string Said(CudaResult result) => driver.Describe(result).Meaning;
        Assert.That(driver.MemAlloc(4, out nint place), Is.EqualTo(CudaResult.Success));

        Assert.That(Launch(driver, "set", 2000, place), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Assert.That(Said(CudaResult.ErrorInvalidValue), Does.Contain("kernel 'set': a block has 1 to 1024 threads"));
        Assert.That(driver.MemAlloc(-1, out _), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Assert.That(Said(CudaResult.ErrorInvalidValue), Is.EqualTo("device memory has at least one byte: got -1"));
        Assert.That(driver.MemsetD8Async(place, 0, 5, 0), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Assert.That(Said(CudaResult.ErrorInvalidValue), Does.StartWith("5 bytes at 0x").And.EndsWith("do not lie in device memory"));

        Assert.That(Launch(driver, "set", 1, 0), Is.EqualTo(CudaResult.ErrorIllegalAddress));
        Assert.That(Said(CudaResult.ErrorIllegalAddress), Does.Contain("memory: "));
        Assert.That(Said(CudaResult.ErrorOutOfMemory), Is.EqualTo("as reported by the emulator"), "another code");
        Assert.That(Launch(driver, "set", 1, place), Is.EqualTo(CudaResult.Success));
        Assert.That(Said(CudaResult.ErrorIllegalAddress), Is.EqualTo("as reported by the emulator"), "after a kernel that did no wrong");
    }

    [Test]
    public void ALaunchIsRefusedAtOnce()
    {
        using EmulatedCudaDriver driver = new() { Deferred = true };
        driver.StreamCreate(out nint stream);
        Assert.That(Launch(driver, "set", 2000, 0, stream), Is.EqualTo(CudaResult.ErrorInvalidValue));
        Assert.That(Launch(driver, "set", 1, 0, stream), Is.EqualTo(CudaResult.Success), "a wrong address shows when the kernel runs");
        Assert.That(driver.StreamSynchronize(stream), Is.EqualTo(CudaResult.ErrorIllegalAddress));
    }

    [TestCase(75, 65536), TestCase(80, 101376)]
    public void AnOlderGpuRefusesMore(int architecture, int shared)
    {
        using EmulatedCudaDriver driver = new() { Architecture = architecture };
        driver.DeviceGetAttribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin, out int most);
        Assert.That(most, Is.EqualTo(shared));
        foreach (string file in PtxLibrary.Files)
        {
            var result = driver.ModuleLoadData(PtxLibrary.Text(file), out _, out string log);
            bool later = architecture < 80 && file.EndsWith(".sm80.ptx", StringComparison.Ordinal);
            Assert.That(result, Is.EqualTo(later ? CudaResult.ErrorInvalidPtx : CudaResult.Success), file + log);
        }
    }

    static CudaResult Launch(EmulatedCudaDriver driver, string entry, int threads, nint argument = 0, nint stream = 0)
    {
        driver.ModuleLoadData(text, out nint module, out _);
        driver.ModuleGetFunction(module, entry, out nint function);
        void* parameter = &argument;
        return driver.LaunchKernel(function, 1, threads, 0, stream, &parameter);
    }
}
