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
