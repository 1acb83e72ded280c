using Tessera.Cuda;
using Tessera.Emulator;

namespace Tessera.Tests;

/// <summary>random.ptx beyond what <see cref="PhiloxTests"/> holds: sizes, places, and the function of two words at its corners.</summary>
public sealed class CudaRandomTests
{
    static readonly Backend gpu = Device.Emulator.Backend;

    /// <summary>Counts that are no multiple of a block, from addresses that are no multiple of 16, next to elements that must stay.</summary>
    [Test]
    public void EverySizeAndPlace([Values(0, 1, 2, 3, 4, 5, 6, 7, 8, 255, 1023, 4099)] int n, [Values(0, 1, 2, 4)] int offset)
    {
        var random = new Philox(0x123456789ABCDEF0, 0xFEDCBA9876543210);
        View all = Views.Empty<float>([n + 12]), y = new(all.Storage, DType.Float32, new Layout([n], [1], offset));
        gpu.Uniform(y, random);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Enumerable.Range(0, n).Select(i => random.Uniform((ulong)i))));
        gpu.Normal(y, random);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Enumerable.Range(0, n).Select(i => random.Normal((ulong)i))).Within(1).Ulps);
        float[] around = Views.Get<float>(all);
        Assert.That(around[..offset].Concat(around[(offset + n)..]), Is.All.NaN);
    }

    static readonly DType[] types = [DType.Float32, DType.Float16, DType.BFloat16];

    /// <summary>One pass gives the bits of the composed operation, which draws first: on the CPU and on a GPU, of every type, size, place and layout.</summary>
    [Test]
    public void DropoutIsTheSameEverywhere([ValueSource(nameof(types))] DType from, [ValueSource(nameof(types))] DType to, [Values(0, 3, 4, 1026)] int n, [Values(0, 1)] int offset)
    {
        Philox random = new(0x123456789ABCDEF0, 0xFEDCBA9876543210);
        Ops.Dropout op = new(0.4f, 1 / 0.6f);
        float[] values = Arrays.Normal(n, 3);
        for (int i = 5; i < n; i += 9) values[i] = float.NaN;
        View x = Cast(Views.Of([n], values), from, offset);
        float[] expected = [.. Views.Get<float>(Cast(x, DType.Float32, 0)).Select((v, i) => random.Uniform((ulong)i) < 0.4f ? 0 : v * (1 / 0.6f))];
        string result = Bits(Cast(Views.Of([n], expected), to, 0));
        foreach (var (name, backend) in backends)
        {
            View y = Cast(Views.Of([n], values), to, offset);
            backend.Dropout(x, y, op, random);
            Assert.That(Bits(y), Is.EqualTo(result), name);
        }
    }

    [Test]
    public void DropoutCountsElementsInLogicalOrder([ValueSource(nameof(types))] DType type)
    {
        var random = new Philox(9, 4);
        Ops.Dropout op = new(0.5f, 2);
        View flat = Cast(Views.Of([240], Arrays.Normal(240, 5)), type, 0), expected = Cast(flat, type, 0);
        Views.Cpu.Dropout(flat, expected, op, random);
        Shape shape = [2, 5, 4, 6];
        foreach (var (name, backend) in backends)
        {
            View x = Like(shape, type, Layout.RowMajor(shape)), y = Like(shape, type, Layout.ChannelsLast(shape));
            Views.Cpu.Copy(flat.Reshape(shape), x);
            backend.Dropout(x, y, op, random);
            Assert.That(Bits(y), Is.EqualTo(Bits(expected)), name);
            backend.Dropout(y, y, new Ops.Dropout(0.5f, 1), random);
            Assert.That(Bits(y), Is.EqualTo(Bits(expected)), name + ": the same are dropped again, in place");
        }
    }

    static readonly (string Name, Backend Backend)[] backends = [("composed", new Composed()), ("cpu", Device.Cpu.Backend), ("emulator", gpu)];

    static View Like(Shape shape, DType type, Layout layout) => type switch
    {
        DType.Float32 => Views.Empty<float>(layout),
        DType.Float16 => Views.Empty<Half>(layout),
        _ => Views.Empty<BFloat16>(layout),
    };

    /// <summary>The numbers of a line in another type, from an element of their memory on.</summary>
    static View Cast(View x, DType type, int offset)
    {
        View y = Like(x.Shape, type, new Layout(x.Shape, [1], offset));
        Views.Cpu.Copy(x, y);
        return y;
    }

    // NaN alike: rounding keeps no payload.
    static string Bits(View y)
    {
        View wide = Views.Empty<float>(Layout.RowMajor(y.Shape));
        Views.Cpu.Copy(y, wide);
        return string.Join(' ', Views.Get<float>(wide).Select(v => float.IsNaN(v) ? "NaN" : BitConverter.SingleToUInt32Bits(v).ToString("x8", System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>Words at which the sine or cosine is 0, ±1 or next to it, the logarithm 0, next to it or large; and others at random.</summary>
    [Test]
    public void BoxMullerIsThatOfTheCpu()
    {
        uint[] corners = [.. from k in Enumerable.Range(0, 8) from d in new[] { -2, -1, 0, 1, 2 } select unchecked((uint)((k << 29) + d))];
        var random = new Philox(4);
        uint[] a = [.. from x in corners from y in corners select x, .. Enumerable.Range(0, 20_000).Select(i => random.Word((ulong)i))];
        uint[] b = [.. from x in corners from y in corners select y, .. Enumerable.Range(20_000, 20_000).Select(i => random.Word((ulong)i))];
        string text = PtxLibrary.Text("random.ptx") + """
            .visible .entry box_muller(.param .u64 p_a, .param .u64 p_b, .param .u64 p_y)
            {
                .reg .b32 i, n, wa, wb, v;
                .reg .b64 a, b, y;
                ld.param.u64 a, [p_a];
                ld.param.u64 b, [p_b];
                ld.param.u64 y, [p_y];
                mov.u32 i, %ctaid.x;
                mov.u32 n, %tid.x;
                mad.lo.u32 i, i, 32, n;
                mad.wide.u32 a, i, 4, a;
                mad.wide.u32 b, i, 4, b;
                mad.wide.u32 y, i, 4, y;
                ld.global.b32 wa, [a];
                ld.global.b32 wb, [b];
                {
                    .param .b32 pa;
                    .param .b32 pb;
                    .param .b32 py;
                    st.param.b32 [pa], wa;
                    st.param.b32 [pb], wb;
                    call.uni (py), BoxMuller, (pa, pb);
                    ld.param.b32 v, [py];
                }
                st.global.b32 [y], v;
                ret;
            }
            """;
        float[] actual = new float[a.Length];
        PtxModule.Parse(text).Launch("box_muller", new((a.Length / 32, 1, 1), (32, 1, 1)), PtxArgument.Buffer(a), PtxArgument.Buffer(b), PtxArgument.Buffer(actual));
        int other = 0;
        for (int i = 0; i < a.Length / 32 * 32; i++)
        {
            float expected = Philox.ToNormal(a[i], b[i]);
            Assert.That(actual[i], Is.EqualTo(expected).Within(1).Ulps, $"words {a[i]:x8} {b[i]:x8}");
            if (actual[i] != expected) other++;
        }
        Assert.That(other, Is.LessThan(3), "numbers that are not the CPU's bits");
    }
}
