using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// A row of one picture is one task: sampled pixel by pixel, then lit and normalised as vectors.
internal sealed unsafe partial class CpuBackend
{
    internal override void SamplePictures(Picture[] pictures, View y, ChannelScale scale)
    {
        if (y.Count == 0) return;
        int h = y.Shape[2];
        CpuThreads.For(pictures.Length * h, new PictureRow(pictures, new Image(y, "SamplePictures"), scale));
    }

    readonly struct PictureRow(Picture[] pictures, Image y, ChannelScale scale) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var how = pictures[n].How;
            var sampler = new PictureSampler(pictures[n].Pixels.Span, how);
            float* row = y.At(n, i, 0);
            Span<bool> black = stackalloc bool[Math.Min(y.W, MaxBlack)];
            for (int begin = 0; begin < y.W; begin += MaxBlack)
            {
                int count = Math.Min(MaxBlack, y.W - begin);
                float* part = row + (3 * begin);
                for (int j = 0; j < count; j++) black[j] = !sampler.At(i, begin + j, new Span<float>(part + (3 * j), 3));
                if (how.Lit != 0) Light(part, count, how, black);
                for (int j = 0; j < count; j++)
                    for (int k = 0; k < 3; k++) part[(3 * j) + k] = (part[(3 * j) + k] - scale.Mean.Span[k]) / scale.Std.Span[k];
            }
        }

        const int MaxBlack = 1024;

        static void Light(float* row, int count, in PictureSampling how, ReadOnlySpan<bool> black)
        {
            var lane = new Lane { X = row, Scale = how.Scale, Shift = how.Shift };
            Lanes.Run(0, 3 * count, ref lane);
            for (int j = 0; j < count; j++)
                if (black[j]) new Span<float>(row + (3 * j), 3).Clear();
        }

        struct Lane : ILane
        {
            public float* X;
            public float Scale, Shift;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint i) where V : unmanaged, IVec<V> => Lanes.Store(X + i, Ops.Light(Lanes.Load<V>(X + i), V.Create(Scale), V.Create(Shift)));
        }
    }
}
