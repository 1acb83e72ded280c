using System.Runtime.CompilerServices;

namespace Tessera.Benchmarks;

/// <summary>From the start of a process to its first prediction: load an ONNX file, run one photo, name the class.</summary>
static class FirstPrediction
{
    /// <summary>In the child: prints the class.</summary>
    /// <param name="side"><c>tessera</c> or <c>onnxruntime</c>.</param>
    /// <param name="file">The network.</param>
    /// <param name="pixels">Side of the photo.</param>
    public static void Print(string side, string file, int pixels)
    {
        float[] y = side == "tessera" ? Tessera(file, pixels) : OnnxRuntime(file, pixels);
        int best = 0;
        for (int i = 1; i < y.Length; i++)
            if (y[i] > y[best]) best = i;
        Child.Answer(best);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static float[] Tessera(string file, int pixels)
    {
        using var network = OurInference.Onnx(file, pixels, 1);
        return network.Output();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static float[] OnnxRuntime(string file, int pixels)
    {
        using var network = new OrtInference(file, pixels, 1);
        network.Run();
        return network.Output.ToArray();
    }
}
