using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Which GPUs there are, and the reason for each that cannot be used.</summary>
public sealed class OpeningTests
{
    readonly StandIn standIn = StandIn.Driver;

    [TearDown]
    public void Restore()
    {
        (standIn["version"], standIn["devices"], standIn["capability"]) = (13000, 1, 90);
        standIn.Fail("");
    }

    [Test]
    public void AGpuSaysWhatItIs()
    {
        standIn["devices"] = 2;
        var (driver, whyNot) = NativeCudaDriver.TryOpen(1);
        using (driver)
        {
            Assert.That(whyNot, Is.Null);
            Assert.That((driver!.Name, driver.DeviceName, driver.Architecture, driver.Version), Is.EqualTo(("cuda:1", "Stand-in 1", 90, 13000)));
            Assert.That(driver.Description(), Is.EqualTo("Stand-in 1, compute capability 9.0, 80.0 GiB (60.0 free), driver for CUDA 13.0"));
        }
    }

    [Test]
    public void WhatIsNotThereIsNamed()
    {
        Assert.That(NativeCudaDriver.TryOpen(3), Is.EqualTo(((NativeCudaDriver?)null, "this machine has 1 GPU: got cuda:3")));
        Assert.That(() => Device.Parse("cuda:3"), Throws.TypeOf<DeviceException>().With.Message.EqualTo("Device: 'cuda:3' cannot be used: this machine has 1 GPU: got cuda:3. Hint: use --device cpu."));
    }

    [Test]
    public void ADriverWithoutAGpuSaysSo()
    {
        standIn.Fail("cuInit", CudaResult.ErrorNoDevice);
        Assert.That(NativeCudaDriver.WhyNot(0), Is.EqualTo("cuInit failed: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is detected"));
        Assert.That(() => Device.Parse("cuda:4"), Throws.TypeOf<DeviceException>().With.Message.Contains("CUDA_ERROR_NO_DEVICE"));
    }

    [Test]
    public void TheDriversFileIsNamed() => Assert.That(Device.GpuDriver, Is.EqualTo(standIn.Path));

    [Test]
    public void AnOldGpuIsRefused()
    {
        standIn["capability"] = 61;
        Assert.That(NativeCudaDriver.WhyNot(0), Is.EqualTo("its compute capability is too low: 6.1 of Stand-in 0, expected 7.0 or higher"));
    }

    [Test]
    public void AnOldDriverIsRefused()
    {
        standIn["version"] = 11020;
        Assert.That(LibCuda.WhyNot(standIn.Library), Is.EqualTo("the driver is too old: 11.2, expected 11.4 or newer"));
    }

    [Test]
    public void AMissingEntryPointIsNamed()
    {
        var incomplete = StandIn.Compile("WITHOUT_GRAPHS");
        Assert.That(LibCuda.WhyNot(incomplete.Library), Does.EndWith("of CUDA 13.0 has no cuGraphInstantiateWithFlags"));
        Assert.That(LibCuda.WhyNot(standIn.Library), Is.Null);
    }

    [Test]
    public void AContextThatIsRefusedIsNoDevice()
    {
        standIn.Fail("cuDevicePrimaryCtxRetain", CudaResult.ErrorOutOfMemory);
        Assert.That(NativeCudaDriver.TryOpen(0).WhyNot, Is.EqualTo("cuDevicePrimaryCtxRetain: failed: got CUDA_ERROR_OUT_OF_MEMORY (2), expected CUDA_SUCCESS: out of memory"));
    }

    [Test]
    public void ACodeThatTheDriverDoesNotKnowIsStillANumber()
    {
        standIn.Fail("cuDeviceGetCount", (CudaResult)12345);
        Assert.That(NativeCudaDriver.WhyNot(0), Is.EqualTo("cuDeviceGetCount failed: an unknown code (12345), this driver does not describe it"));
    }
}
