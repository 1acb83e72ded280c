namespace Tessera.Cpu;

// A line is the elements along the softmax dimension. Exponentials are float32, sums double.
internal sealed unsafe partial class CpuBackend
{
    public override void Softmax(View x, View y, int dim, bool log) => RunLines(new SoftmaxLine(log), dim, x, y, y);

    public override void SoftmaxBackward(View gy, View y, View gx, int dim, bool log) => RunLines(new SoftmaxGradientLine(log), dim, gy, y, gx);

    interface ILine
    {
        void Run(float* a, nint sa, float* b, nint sb, float* y, nint sy, int n);
    }

    static void RunLines<T>(T line, int dim, View a, View b, View y) where T : struct, ILine
    {
        int n = y.Shape[dim];
        if (y.Count == 0) return;
        long lines = y.Count / n;
        int perTask = (int)Math.Clamp(16384 / n, 1, lines);
        CpuThreads.For(checked((int)((lines + perTask - 1) / perTask)), new LineTask<T>(line, dim, a, b, y, lines, perTask));
    }

    readonly struct LineTask<T>(T line, int dim, View a, View b, View y, long lines, int perTask) : ICpuTask where T : struct, ILine
    {
        public void Run(int task)
        {
            for (long i = (long)task * perTask; i < Math.Min(lines, (long)(task + 1) * perTask); i++)
            {
                (long oa, long ob, long oy, long rest) = (0, 0, 0, i);
                for (int d = y.Shape.Rank - 1; d >= 0; d--)
                {
                    if (d == dim) continue;
                    long at = rest % y.Shape[d];
                    rest /= y.Shape[d];
                    oa += at * a.Layout.Strides[d];
                    ob += at * b.Layout.Strides[d];
                    oy += at * y.Layout.Strides[d];
                }
                line.Run(
                    a.Float("Softmax") + oa, (nint)a.Layout.Strides[dim], b.Float("Softmax") + ob, (nint)b.Layout.Strides[dim],
                    y.Float("Softmax") + oy, (nint)y.Layout.Strides[dim], y.Shape[dim]);
            }
        }
    }

    readonly struct SoftmaxLine(bool log) : ILine
    {
        public void Run(float* x, nint sx, float* unused, nint su, float* y, nint sy, int n)
        {
            float max = float.NegativeInfinity;
            for (nint i = 0; i < n; i++) max = MathF.Max(max, x[i * sx]);
            double sum = 0;
            for (nint i = 0; i < n; i++)
            {
                float d = x[i * sx] - max, e = MathF.Exp(d);
                sum += e;
                y[i * sy] = log ? d : e;
            }
            double change = log ? Math.Log(sum) : 1 / sum;
            for (nint i = 0; i < n; i++) y[i * sy] = (float)(log ? y[i * sy] - change : y[i * sy] * change);
        }
    }

    readonly struct SoftmaxGradientLine(bool log) : ILine
    {
        public void Run(float* g, nint sg, float* y, nint sy, float* gx, nint sx, int n)
        {
            double sum = 0;
            for (nint i = 0; i < n; i++) sum += log ? g[i * sg] : (double)g[i * sg] * y[i * sy];
            for (nint i = 0; i < n; i++)
                gx[i * sx] = (float)(log ? g[i * sg] - (MathF.Exp(y[i * sy]) * sum) : y[i * sy] * (g[i * sg] - sum));
        }
    }
}
