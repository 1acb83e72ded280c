using System.Text.RegularExpressions;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The GPU's kernels, all of them, under every check of the emulator.</summary>
public sealed partial class CheckedKernelsTests
{
    [Test]
    public void NothingIsFound([ValueSource(typeof(KernelCases), nameof(KernelCases.Names))] string name)
    {
        using CheckedGpu gpu = new();
        using (Bench bench = new(gpu.Device)) KernelCases.Of(name).Run(bench);
        Assert.That(gpu.Findings, Is.Empty);
        Assert.That(KernelCases.Of(name).Entries.Split(' ').Except(gpu.Launched), Is.Empty, "entries of the case that were not launched; these were: " + string.Join(' ', gpu.Launched.Distinct().Order(StringComparer.Ordinal)));
    }

    [Test]
    public void EveryEntryOfTheLibraryIsInACase()
    {
        string[] entries = [.. PtxLibrary.Files.SelectMany(f => Entry().Matches(PtxLibrary.Text(f)).Select(m => m.Groups[1].Value))];
        Assert.That(entries, Has.Length.GreaterThan(100).And.Unique);
        Assert.That(KernelCases.Names.SelectMany(n => KernelCases.Of(n).Entries.Split(' ')).Distinct(), Is.EquivalentTo(entries));
    }

    [GeneratedRegex(@"^\.visible \.entry (\w+)", RegexOptions.Multiline)]
    private static partial Regex Entry();

    const string OneTooMany = """
        .version 7.0
        .target sm_70
        .address_size 64
        // x[i] = 0 for the threads of a block
        .visible .entry clear(.param .u64 x)
        {
            .reg .b32 i;
            .reg .b64 at, first;
            mov.u32 i, %tid.x;
            ld.param.u64 first, [x];
            mul.wide.u32 at, i, 4;
            add.u64 at, first, at;
            st.global.b32 [at], 0;
            ret;
        }
        """;

    [Test]
    public void AKernelThatLeavesItsTensorIsFound([Values] bool exact)
    {
        using CheckedGpu gpu = new();
        Device device = exact ? gpu.Device : new Device("pooled", gpu.Backend);
        PtxModule module = PtxModule.Parse(OneTooMany);
        using Temporary x = new(device, Layout.RowMajor([64])), beside = new(device, Layout.RowMajor([64]));
        void Clear(int threads) => module.Launch(device, "clear", new((1, 1, 1), (threads, 1, 1)), PtxArgument.Value((long)x.View.Address));
        Assert.That(() => Clear(64), Throws.Nothing);
        if (exact) Assert.That(() => Clear(65), Throws.InstanceOf<TesseraException>().With.Message.Contains("256"));
        else Assert.That(() => Clear(65), Throws.Nothing, "a segment of the pool is one allocation");
    }

    [Test]
    public void MemoryThatWasGivenBackIsNobodys()
    {
        using CheckedGpu gpu = new();
        PtxModule module = PtxModule.Parse(OneTooMany);
        Temporary x = new(gpu.Device, Layout.RowMajor([64]));
        Assert.That(gpu.Device.Memory.Live, Is.EqualTo(256));
        x.Dispose();
        Assert.That((gpu.Device.Memory.Live, gpu.Device.Memory.Pooled), Is.EqualTo((0L, 0L)));
        Assert.That(() => module.Launch(gpu.Device, "clear", new((1, 1, 1), (64, 1, 1)), PtxArgument.Value((long)x.View.Address)), Throws.InstanceOf<TesseraException>().With.Message.Contains("freed"));
    }
}
