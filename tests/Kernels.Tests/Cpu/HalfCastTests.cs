namespace Tessera.Tests;

/// <summary>Casts between float32 and 16 bits, many numbers at a time, against the conversions of one number.</summary>
public sealed class HalfCastTests
{
    const int Odd = 65536 + 5; // not a whole number of vectors

    /// <summary>All 65,536 bit patterns.</summary>
    [Test]
    public void EveryHalfWidensToItsValue()
    {
        ushort[] bits = [.. Enumerable.Range(0, Odd).Select(i => (ushort)i)];
        Half[] halves = Array.ConvertAll(bits, BitConverter.UInt16BitsToHalf);
        BFloat16[] brains = Array.ConvertAll(bits, b => new BFloat16(b));
        View fromHalf = Views.Empty<float>([Odd]), fromBrain = Views.Empty<float>([Odd]);
        Views.Cpu.Copy(Views.Of([Odd], halves), fromHalf);
        Views.Cpu.Copy(Views.Of([Odd], brains), fromBrain);
        Assert.That(Same(Views.Get<float>(fromHalf), Array.ConvertAll(halves, h => (float)h)));
        Assert.That(Same(Views.Get<float>(fromBrain), Array.ConvertAll(brains, b => (float)b)));
    }

    /// <summary>Every half, the numbers half way to the next one, and those just beside them; and float32 numbers of any bits.</summary>
    [Test]
    public void FloatsRoundToNearestEven([Values] bool brain)
    {
        List<float> values = [];
        for (int i = 0; i < 65536; i += 3)
        {
            float here = Value(i, brain), next = Value(i + 1, brain), middle = (here + next) / 2;
            values.AddRange([here, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }
        Random random = new(1);
        for (int i = 0; i < 50_001; i++) values.Add(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)));
        float[] x = [.. values];
        View y = brain ? Views.Empty<BFloat16>([x.Length]) : Views.Empty<Half>([x.Length]);
        Views.Cpu.Copy(Views.Of([x.Length], x), y);
        float[] actual = brain ? Array.ConvertAll(Views.Get<BFloat16>(y), b => (float)b) : Array.ConvertAll(Views.Get<Half>(y), h => (float)h);
        Assert.That(Same(actual, Array.ConvertAll(x, v => brain ? (float)(BFloat16)v : (float)(Half)v)));
    }

    static float Value(int bits, bool brain) => brain ? (float)new BFloat16((ushort)bits) : (float)BitConverter.UInt16BitsToHalf((ushort)bits);

    /// <summary>Equal bits, any NaN for a NaN.</summary>
    static bool Same(float[] a, float[] b)
    {
        for (int i = 0; i < a.Length; i++)
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i]) && !(float.IsNaN(a[i]) && float.IsNaN(b[i]))) Assert.Fail($"number {i}: got {a[i]:R}, expected {b[i]:R}");
        return a.Length == b.Length;
    }
}
