using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <content>Random numbers by counter: an element's number depends on its logical index only.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void Uniform(View y, Philox random)
    {
        _ = y.Float();
        Nest.WithIndex(y).Run(new UniformRow(random), 4);
    }

    public override void Normal(View y, Philox random)
    {
        _ = y.Float();
        Nest.WithIndex(y).Run(new NormalRow(random), 16);
    }

    public override void Dropout(View x, View y, Ops.Dropout op, Philox random)
        => Nest.WithIndex(y, x).Run(new DropoutRow(op, random, x.DType, y.DType), 4);

    readonly struct DropoutRow(Ops.Dropout op, Philox random, DType typeX, DType typeY) : IRow
    {
        [SkipLocalsInit]
        public void Row(in Nest nest, nint y, nint x, nint index, nint p3, long n)
        {
            nint sy = (nint)nest.Step(0), sx = (nint)nest.Step(1), step = (nint)nest.Step(2);
            float* numbers = stackalloc float[2 * Pieces.Length], buffer = numbers + Pieces.Length;
            for (; n > 0; n -= Pieces.Length, y += sy * Pieces.Length, x += sx * Pieces.Length, index += step * Pieces.Length)
            {
                int m = (int)Math.Min(n, Pieces.Length);
                UniformRow.Draw(random, (nint)numbers, sizeof(float), index, step, m);
                Maps.Binary(op, Pieces.Read(typeX, x, sx, buffer, m), numbers, numbers, m);
                Cast(DType.Float32, (nint)numbers, sizeof(float), typeY, y, sy, m);
            }
        }
    }

    readonly struct UniformRow(Philox random) : IRow
    {
        public void Row(in Nest nest, nint y, nint index, nint p2, nint p3, long n) => Draw(random, y, (nint)nest.Step(0), index, (nint)nest.Step(1), n);

        public static void Draw(Philox random, nint y, nint sy, nint index, nint step, long n)
        {
            while (n > 0)
            {
                if (step != 1 || (index & 3) != 0 || n < 4)
                {
                    *(float*)y = random.Uniform((ulong)index);
                    (n, y, index) = (n - 1, y + sy, index + step);
                    continue;
                }
                var (a, b, c, d) = random.Block((ulong)index >> 2);
                *(float*)y = Philox.ToUniform(a);
                *(float*)(y + sy) = Philox.ToUniform(b);
                *(float*)(y + (2 * sy)) = Philox.ToUniform(c);
                *(float*)(y + (3 * sy)) = Philox.ToUniform(d);
                (n, y, index) = (n - 4, y + (4 * sy), index + 4);
            }
        }
    }

    readonly struct NormalRow(Philox random) : IRow
    {
        public void Row(in Nest nest, nint y, nint index, nint p2, nint p3, long n)
        {
            nint sy = (nint)nest.Step(0), step = (nint)nest.Step(1);
            while (n > 0)
            {
                if (step != 1 || (index & 1) != 0 || n < 2)
                {
                    *(float*)y = random.Normal((ulong)index);
                    (n, y, index) = (n - 1, y + sy, index + step);
                    continue;
                }
                var (a, b, c, d) = random.Block((ulong)index >> 1);
                *(float*)y = Philox.ToNormal(a, b);
                *(float*)(y + sy) = Philox.ToNormal(c, d);
                (n, y, index) = (n - 2, y + (2 * sy), index + 2);
            }
        }
    }
}
