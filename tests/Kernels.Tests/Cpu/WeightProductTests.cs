namespace Tessera.Tests;

/// <summary>1x1 convolutions are products with weights, cut by rows or by columns; rows whose distance is a multiple of 2 KB are read in place.</summary>
[NonParallelizable]
public sealed class WeightProductTests
{
    readonly int threads = CpuThreads.Count;

    [TearDown]
    public void Restore() => CpuThreads.Count = threads;

    [TestCase(3, 64, 40, TestName = "FewRows")]
    [TestCase(7, 1024, 48, TestName = "RowsThatMeetInACache")]
    [TestCase(7, 512, 600, TestName = "ColumnsOfManyWeights")]
    [TestCase(13, 512, 1000, TestName = "ManyWeights")]
    [TestCase(14, 256, 96, TestName = "EvenTiles")]
    [TestCase(55, 16, 64, TestName = "ManyRows")]
    public void ThreadsAndUsesGiveTheSameSums(int side, int inner, int outer)
    {
        int pixels = side * side;
        float[] a = Arrays.Normal((long)pixels * inner, 1), b = Arrays.Normal((long)outer * inner, 2), bias = Arrays.Normal(outer, 3), more = Arrays.Normal((long)pixels * outer, 4);
        float[]? first = null;
        foreach (int count in (int[])[1, 2, 3, 7])
        {
            CpuThreads.Count = count;
            View x = Views.Of([1, inner, side, side], a), w = Views.Of([outer, inner, 1, 1], b), y = Views.Empty<float>([1, outer, side, side]);
            var epilogue = new Epilogue(Views.Of([outer], bias), Views.Of([1, outer, side, side], more), true);
            for (int use = 1; use <= 3; use++) // packed anew, then kept
            {
                Views.Clear(y);
                Device.Cpu.Backend.Conv2d(x, w, y, new Window2d(1, 1), epilogue);
                float[] result = Views.Get<float>(y);
                Assert.That(result, Is.EqualTo(first ??= result), $"{count} threads, use {use}");
            }
        }
        // Channels first, as arrays are given.
        double[] expected = new double[pixels * outer];
        for (int k = 0; k < outer; k++)
            for (int p = 0; p < pixels; p++)
            {
                double sum = bias[k] + more[(k * pixels) + p];
                for (int c = 0; c < inner; c++) sum += (double)a[(c * pixels) + p] * b[(k * inner) + c];
                expected[(k * pixels) + p] = Math.Max(0, sum);
            }
        Assert.That(Arrays.Error(first!, expected).Max, Is.LessThan(1e-5));
    }
}
