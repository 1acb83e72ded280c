namespace Tessera.Tests;

/// <summary>Numbers into device memory and back, in logical row-major order whatever the layout.</summary>
internal static unsafe class Arrays
{
    /// <summary>A dense view of <paramref name="values"/> (null: zeros of NaN, so that unwritten elements show).</summary>
    public static View View(Shape shape, float[]? values = null) => Fill(Rent(Layout.Dense(shape), DType.Float32), values);

    /// <summary>A view of <paramref name="layout"/> over its own storage.</summary>
    public static View Rent(Layout layout, DType dtype)
    {
        long last = layout.Offset;
        for (int i = 0; i < layout.Shape.Rank; i++) last += Math.Max(0, layout.Shape[i] - 1) * layout.Strides[i];
        var (storage, _) = Device.Cpu.Memory.Rent((last + 1) * dtype.Size());
        return new View(storage, dtype, layout);
    }

    public static View Fill(View view, float[]? values)
    {
        float* p = (float*)view.Storage.Pointer;
        for (long i = 0; i < view.Count; i++) p[Index(view.Layout, i)] = values is null ? float.NaN : values[i];
        return view;
    }

    public static float[] Read(View view)
    {
        float[] result = new float[view.Count];
        float* p = (float*)view.Storage.Pointer;
        for (long i = 0; i < result.Length; i++) result[i] = p[Index(view.Layout, i)];
        return result;
    }

    public static long[] ReadLongs(View view)
    {
        long[] result = new long[view.Count];
        long* p = (long*)view.Storage.Pointer;
        for (long i = 0; i < result.Length; i++) result[i] = p[Index(view.Layout, i)];
        return result;
    }

    /// <summary>Standard normal numbers.</summary>
    public static float[] Normal(long count, ulong seed)
    {
        var random = new Philox(seed);
        float[] x = new float[count];
        for (int i = 0; i < x.Length; i++) x[i] = random.Normal((ulong)i);
        return x;
    }

    /// <summary>Largest and root-mean-square difference, relative to the largest and the rms of <paramref name="expected"/>.</summary>
    public static (double Max, double Rms) Error(float[] actual, double[] expected)
    {
        double max = 0, scale = 1e-30, sum = 0, size = 1e-60;
        for (int i = 0; i < expected.Length; i++)
        {
            double e = actual[i] - expected[i];
            if (double.IsNaN(e) && !(double.IsNaN(expected[i]) && float.IsNaN(actual[i]))) return (double.NaN, double.NaN);
            if (double.IsNaN(e)) continue;
            max = Math.Max(max, Math.Abs(e));
            scale = Math.Max(scale, Math.Abs(expected[i]));
            sum += e * e;
            size += expected[i] * expected[i];
        }
        return (max / scale, Math.Sqrt(sum / size));
    }

    static long Index(Layout layout, long i)
    {
        long at = layout.Offset;
        for (int d = layout.Shape.Rank - 1; d >= 0; d--)
        {
            at += i % layout.Shape[d] * layout.Strides[d];
            i /= layout.Shape[d];
        }
        return at;
    }
}
