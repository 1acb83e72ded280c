using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Anybody's kernel through the calls of the CUDA driver.</summary>
public sealed class DeviceLaunchTests
{
    const string text = """
        .version 7.0
        .target sm_70
        .address_size 64
        // y[i] = a s.x[i] + s.b for i < s.n
        .visible .entry affine(.param .align 8 .b8 s[24], .param .u64 y, .param .f32 a)
        {
            .reg .pred %p;
            .reg .b32 %r<5>;
            .reg .f32 %f<5>;
            .reg .b64 %d<6>;
            mov.u32 %r1, %ctaid.x;
            mov.u32 %r2, %ntid.x;
            mov.u32 %r3, %tid.x;
            mad.lo.u32 %r1, %r1, %r2, %r3;
            ld.param.u32 %r4, [s+16];
            setp.ge.u32 %p, %r1, %r4;
            @%p bra DONE;
            ld.param.f32 %f1, [s];
            ld.param.u64 %d1, [s+8];
            ld.param.u64 %d2, [y];
            ld.param.f32 %f2, [a];
            mul.wide.u32 %d3, %r1, 4;
            add.u64 %d4, %d1, %d3;
            add.u64 %d5, %d2, %d3;
            ld.global.f32 %f3, [%d4];
            fma.rn.f32 %f4, %f2, %f3, %f1;
            st.global.f32 [%d5], %f4;
        DONE:
            ret;
        }
        """;

    static PtxArgument Structure(float[] x, int n) => PtxArgument.Struct(PtxArgument.Value(0.5f), PtxArgument.Buffer(x), PtxArgument.Value(n));

    static readonly PtxLaunch launch = new((2, 1, 1), (64, 1, 1));

    [TestCase("emulator"), TestCase("cuda:0")]
    public void BuffersGoUpAndComeBack(string device)
    {
        if (Device.All().First(d => d.Name == device).WhyNot is string whyNot) Assert.Ignore(whyNot);
        float[] x = [.. Enumerable.Range(0, 100).Select(i => (float)i)], y = new float[100], z = new float[100];
        PtxModule module = PtxModule.Parse(text, "affine.ptx");
        module.Launch(Device.Parse(device), "affine", launch, Structure(x, 100), PtxArgument.Buffer(y), PtxArgument.Value(2f));
        Assert.That(y, Is.EqualTo(x.Select(v => 2 * v + 0.5f)));
        module.Launch("affine", launch, Structure(x, 100), PtxArgument.Buffer(z), PtxArgument.Value(2f));
        Assert.That(z, Is.EqualTo(y));
    }

    [TestCase("emulator"), TestCase("cuda:0")]
    public void AnArrayThatIsPassedTwiceIsOneMemory(string device)
    {
        if (Device.All().First(d => d.Name == device).WhyNot is string whyNot) Assert.Ignore(whyNot);
        float[] expected = [.. Enumerable.Range(0, 100).Select(i => (2f * i) + 0.5f)], x = [.. Enumerable.Range(0, 100).Select(i => (float)i)], z = [.. x];
        PtxModule module = PtxModule.Parse(text, "affine.ptx");
        module.Launch(Device.Parse(device), "affine", launch, Structure(x, 100), PtxArgument.Buffer(x), PtxArgument.Value(2f));
        module.Launch("affine", launch, Structure(z, 100), PtxArgument.Buffer(z), PtxArgument.Value(2f));
        Assert.That((x, z), Is.EqualTo((expected, expected)));
        PtxModule store = PtxModule.Parse(".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 a, .param .u64 b) { .reg .b64 %a; ld.param.u64 %a, [a]; st.global.u32 [%a], 7; ret; }");
        int[] one = [1], two = [1];
        store.Launch("k", new((1, 1, 1), (1, 1, 1)), PtxArgument.Buffer(one), PtxArgument.Buffer(one));
        store.Launch(Device.Parse(device), "k", new((1, 1, 1), (1, 1, 1)), PtxArgument.Buffer(two), PtxArgument.Buffer(two));
        Assert.That((one[0], two[0]), Is.EqualTo((7, 7)));
    }

    [Test]
    public void NothingIsLeftOnTheDevice()
    {
        using EmulatedCudaDriver driver = new();
        driver.MemGetInfo(out long before, out _);
        PtxModule module = PtxModule.Parse(text);
        float[] x = new float[100];
        DeviceLaunch Run() => new(driver, text, "affine.ptx", module.Syntax);
        Run().Run("affine", launch, [Structure(x, 100), PtxArgument.Buffer(new float[100]), PtxArgument.Value(2f)]);
        Assert.That(() => Run().Run("affine", launch, [Structure(x, 100), PtxArgument.Buffer(new float[50]), PtxArgument.Value(2f)]), Throws.TypeOf<CudaException>());
        Assert.That(() => Run().Run("affine", launch, [Structure(x, 100), PtxArgument.Buffer(new float[50])]), Throws.TypeOf<PtxException>());
        driver.MemGetInfo(out long after, out _);
        Assert.That(after, Is.EqualTo(before));
    }

    [Test]
    public void MistakesSayWhatWasExpected()
    {
        PtxModule module = PtxModule.Parse(text, "affine.ptx");
        float[] x = new float[100];
        void Refused<T>(string message, Device device, PtxLaunch l, params PtxArgument[] arguments) where T : TesseraException =>
            Assert.That(() => module.Launch(device, "affine", l, arguments), Throws.TypeOf<T>().With.Message.Contains(message));
        PtxArgument[] good = [Structure(x, 100), PtxArgument.Buffer(x), PtxArgument.Value(2f)];
        Refused<DeviceException>("cpu does not run PTX", Device.Cpu, launch, good);
        Refused<DeviceException>("takes clusters from the kernel alone", Device.Emulator, launch with { Cluster = (2, 1, 1) }, good);
        Refused<DeviceException>("no checks, counters and watch", Device.Emulator, launch with { Checks = PtxChecks.All }, good);
        foreach (var chosen in (PtxLaunch[])[launch with { Seed = 1 }, launch with { Threads = 1 }, launch with { StepLimit = 1000 }])
            Refused<DeviceException>("its own order of warps, its own threads and no limit of steps", Device.Emulator, chosen, good);
        Refused<PtxException>("it has 3 parameters: got 2", Device.Emulator, launch, good[..2]);
        Refused<PtxException>("parameter 0 's' has 24 bytes: got 8", Device.Emulator, launch, good[1], good[1], good[2]);
        Refused<PtxException>("1 to 1024 threads", Device.Emulator, launch with { Block = (2000, 1, 1) }, good);
        Refused<PtxException>("0 + 200000 bytes of shared memory, 101376 are the most on emulator", Device.Emulator, launch with { SharedBytes = 200000 }, good);
        Refused<CudaException>("kernel 'affine' of affine.ptx, grid (2, 1, 1), block (64, 1, 1)): failed: got CUDA_ERROR_ILLEGAL_ADDRESS", Device.Emulator, launch, good[0], PtxArgument.Value(0ul), good[2]);
    }
}
