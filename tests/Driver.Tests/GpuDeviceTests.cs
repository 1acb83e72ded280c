using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>A <see cref="Device"/> over the driver: names, memory, copies, and errors of the driver as exceptions.</summary>
public sealed class GpuDeviceTests
{
    readonly StandIn standIn = StandIn.Driver;

    [TearDown]
    public void Restore()
    {
        standIn["devices"] = 1;
        standIn.Fail("");
    }

    [Test]
    public void EachOrdinalIsOneDevice()
    {
        standIn["devices"] = 2;
        Device gpu = Device.Parse("cuda"), second = Device.Parse("CUDA:1");
        Assert.That(Device.Parse("cuda:0"), Is.SameAs(gpu));
        Assert.That((gpu.Name, second.Name), Is.EqualTo(("cuda:0", "cuda:1")));
        Assert.That(gpu.Description, Does.StartWith("Stand-in 0, "));
        Assert.That(Device.All().Select(d => d.Name), Is.EqualTo(new[] { "cpu", "cuda:0", "cuda:1", "emulator" }));
        Assert.That(Device.All().Where(d => d.Name.StartsWith("cuda", StringComparison.Ordinal)).Select(d => d.WhyNot), Is.All.Null);
    }

    [Test]
    public void ItsBudgetIsMostOfItsFreeMemory()
    {
        if (Environment.GetEnvironmentVariable("TESSERA_MEMORY") is { Length: > 0 }) Assert.Ignore("TESSERA_MEMORY sets the budget");
        Assert.That(Device.Parse("cuda").Memory.Budget, Is.EqualTo((long)((60L << 30) * 0.9)));
    }

    [Test]
    public void BytesGoThereAndBack()
    {
        var gpu = Device.Parse("cuda");
        var (storage, lease) = gpu.Memory.Rent(1000);
        byte[] sent = [.. Enumerable.Range(0, 900).Select(i => (byte)(i * 7))], received = new byte[900];
        gpu.Backend.Upload(sent, storage, 64);
        gpu.Backend.Download(storage, received, 64);
        Assert.That(received, Is.EqualTo(sent));
        lease.Dispose();
        Assert.That(gpu.Memory.Live, Is.Zero);
    }

    [Test]
    public void WhatTheDriverRefusesIsAnException()
    {
        var gpu = Device.Parse("cuda");
        standIn.Fail("cuMemAlloc_v2", CudaResult.ErrorOutOfMemory);
        gpu.Memory.Trim();
        Assert.That(() => gpu.Memory.Rent(1 << 30), Throws.TypeOf<OutOfDeviceMemoryException>().With.Message.StartsWith("Memory: out of memory on cuda:0: got a request of 1024 MiB"));
        standIn.Fail("cuStreamSynchronize", CudaResult.ErrorIllegalAddress);
        Assert.That(gpu.Backend.Synchronize, Throws.TypeOf<CudaException>().With.Message.StartsWith("cuda:0: cuStreamSynchronize: failed: got CUDA_ERROR_ILLEGAL_ADDRESS (700), expected CUDA_SUCCESS: an illegal memory access was encountered"));
    }

    [Test]
    public void AKernelsErrorNamesItsLaunchWhereLaunchesAreWaitedFor([Values] bool wait)
    {
        using var backend = new CudaBackend(NativeCudaDriver.TryOpen(0).Driver!) { Synchronous = wait };
        var (storage, lease) = new Device("test", backend, 1 << 30).Memory.Rent(1000);
        void Fill() => backend.Fill(new View(storage, DType.Float32, Layout.RowMajor([250])), 1);
        // The kernel's error is the result of the first call that waits for it.
        standIn.Fail("cuStreamSynchronize", CudaResult.ErrorIllegalAddress);
        if (wait) Assert.That(Fill, Throws.TypeOf<CudaException>().With.Message.Contains("cuLaunchKernel('fill_b32', grid (1, 1, 1), block (256, 1, 1), 0 bytes shared): failed: got CUDA_ERROR_ILLEGAL_ADDRESS (700)").And.Message.Not.Contain("TESSERA_SYNC"));
        else
        {
            Fill();
            Assert.That(backend.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("cuStreamSynchronize: failed: got CUDA_ERROR_ILLEGAL_ADDRESS (700)").And.Message.Contain("set TESSERA_SYNC=1"));
        }
        standIn.Fail("");
        lease.Dispose();
    }
}
