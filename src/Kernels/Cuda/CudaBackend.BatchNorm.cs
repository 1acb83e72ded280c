using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>Batch norm and channel statistics of images (channels-last) and matrices: rows of channels. Other layouts take the composed versions.</content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>Whether kernels that take four channels a thread are passed over: tests hold the two kinds against each other.</summary>
    internal bool PlainChannels { get; set; }

    public override void Moments(View x, View moments, int channel)
    {
        if (x.Count == 0 || !IsRows(channel, x))
        {
            base.Moments(x, moments, channel);
            return;
        }
        ExpectFloat("moments", x, moments);
        var rows = RowsOf(x.Shape[channel], x);
        using var parts = new Temporary(x.Storage.Device, Layout.RowMajor([rows.Chunks, 2, rows.C]));
        Launch("moments.ptx", rows.Entry("moments"), rows.ChunkGrid, rows.Block, [parts.View, x, rows.Rows, rows.C, rows.Span]);
        CombineMoments(x, moments, rows, parts.View);
    }

    /// <summary>The moments of an image x in float32, and y ← x rounded to 16 bits, in one pass where channels come by fours.</summary>
    void MomentsAndRound(View x, View moments, View y)
    {
        ChannelGrid rows = x.Count > 0 && y.DType != DType.Float32 && IsRows(1, x, y) ? RowsOf(x.Shape[1], x, y) : default;
        if (rows.Width != 4)
        {
            Moments(x, moments, 1);
            Round(x, y);
            return;
        }
        using var parts = new Temporary(x.Storage.Device, Layout.RowMajor([rows.Chunks, 2, rows.C]));
        var kernel = Kernels.Get($"{y.DType}:moments.ptx", "moments", y.DType, static t => HalfText.Moments(PtxLibrary.Text("moments.ptx"), t));
        Launch(kernel, rows.ChunkGrid, rows.Block, [parts.View, x, rows.Rows, rows.C, rows.Span, y]);
        CombineMoments(x, moments, rows, parts.View);
    }

    void CombineMoments(View x, View moments, ChannelGrid rows, View parts)
        => Launch("moments.ptx", "moments_combine", rows.CombineGrid, ChannelGrid.CombineBlock,
            [moments, moments.Slice(0, 1, 1), (int)moments.Layout.Strides[1], parts, x, rows.Rows, rows.C, rows.Span, rows.Chunks]);

    public override void BatchNorm(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        if (x.Count == 0) return;
        if (!IsRows(1, x, residual, y))
        {
            base.BatchNorm(x, norm, residual, relu, y);
            return;
        }
        ExpectFloat("batch_norm", x, y, residual ?? y);
        if (TryDnnBatchNorm(x, norm, residual, relu, y)) return;
        BatchNorm(x, norm, residual, relu, y, RowsOf(x.Shape[1], x, residual, y));
    }

    /// <summary>Of rows that are all float32, or all of one 16-bit type and read four channels at a time.</summary>
    void BatchNorm(View x, ChannelNorm norm, View? residual, bool relu, View y, ChannelGrid rows)
    {
        using var line = new DenseNorm(norm);
        Launch(WithRelu("batchnorm.ptx", rows.Entry("batch_norm"), x.DType), rows.Grid, rows.Block,
            [y, x, residual, line.Mean, line.Var, norm.Eps, line.W, line.B, relu ? 1 : 0, rows.Rows, rows.C]);
    }

    public override void MoveStatistics(View moments, View? mean, View? var, float momentum, float correction)
    {
        if (moments.Count == 0 || !moments.IsDense || mean is { IsDense: false } || var is { IsDense: false })
        {
            base.MoveStatistics(moments, mean, var, momentum, correction);
            return;
        }
        ExpectFloat("move_statistics", moments, mean ?? moments, var ?? moments);
        var kernel = PtxFormula.Kernel(Kernels, new Ops.Lerp(momentum), "lerp", "statistics.ptx", "move_statistics", static o => [new("lerp", v => ((IBinary)o).Apply(v[0], v[1]))]);
        Launch(kernel, BlocksFor(moments.Shape[1]), BlockSize, [mean, var, moments, moments.Shape[1], correction, momentum, 0f]);
    }

    public override void BatchNormBackward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb)
    {
        if (x.Count == 0 || !IsRows(1, gy, x, y, gx, gresidual))
        {
            base.BatchNormBackward(gy, x, y, norm, relu, given, gx, gresidual, gw, gb);
            return;
        }
        ExpectFloat("batch_norm_backward", gy, x, y ?? x, gx ?? x, gresidual ?? x);
        if (!relu && !given && gresidual is null && TryDnnBatchNormBackward(gy, x, norm, gx, gw, gb)) return;
        BatchNormBackward(gy, x, y, norm, relu, given, gx, gresidual, gw, gb, RowsOf(x.Shape[1], gy, x, y, gx, gresidual));
    }

    /// <summary>Of rows that are all float32, or all of one 16-bit type and read four channels at a time.</summary>
    void BatchNormBackward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb, ChannelGrid rows)
    {
        using var n = new DenseNorm(norm);
        if (!relu) y = null;
        bool sums = gw is not null || gb is not null || (gx is not null && !given);
        if (!sums && gx is null && gresidual is null) return;
        using var parts = new Temporary(x.Storage.Device, Layout.RowMajor([sums ? rows.Chunks : 0, 2, rows.C]));
        using var line = new Temporary(x.Storage.Device, Layout.RowMajor([2, rows.C]));
        Launch(WithRelu("batchnorm_sums.ptx", rows.Entry("batch_norm_sums"), x.DType), rows.ChunkGrid, rows.Block,
            [gy, x, y, n.Mean, n.Var, norm.Eps, n.W, n.B, relu ? 1 : 0, given ? gx : null, gresidual, sums ? parts.View : null, rows.Rows, rows.C, rows.Span]);
        if (!sums) return;
        Launch(WithRelu("batchnorm_sums.ptx", "batch_norm_totals"), rows.CombineGrid, ChannelGrid.CombineBlock,
            [gw, Step(gw), gb, Step(gb), line.View, parts.View, n.Var, norm.Eps, rows.Rows, rows.C, rows.Chunks]);
        if (given || gx is not { } dx) return;
        // The residual's gradient is the masked one already, and gy may be gone.
        if (gresidual is { } masked) (gy, y, relu) = (masked, null, false);
        Launch(WithRelu("batchnorm_gradient.ptx", rows.Entry("batch_norm_gradient"), x.DType), rows.Grid, rows.Block,
            [dx, gy, x, y, n.Mean, n.Var, norm.Eps, n.W, n.B, relu ? 1 : 0, line.View, rows.Rows, rows.C]);
    }

    /// <summary>Elements from one number of a channel to the next.</summary>
    static int Step(View? view) => view is { } v ? checked((int)v.Layout.Strides[0]) : 0;

    /// <summary>A kernel whose text calls relu(x) and relu_grad(g, x), over rows of a type.</summary>
    Kernel WithRelu(string file, string entry, DType rows = DType.Float32)
    {
        return rows == DType.Float32
            ? PtxFormula.Kernel(Kernels, new Ops.Relu(), "relu", file, entry, Parts)
            : Kernels.Get($"{rows}:{file}", entry, (file, rows), static k => HalfRows.Text(PtxFormula.Text(new Ops.Relu(), "relu", k.file, Parts), k.rows));

        static PtxFormula.Part[] Parts(Ops.Relu _) =>
        [
            new("relu", v => Lanes.Map<Ops.Relu, PtxVec>(v[0])),
            new("relu_grad", v => Lanes.Map<Ops.ReluGrad, PtxVec>(v[0], v[1])),
        ];
    }

    /// <summary>True where the views lie densely as rows of the channels of dimension <paramref name="channel"/>.</summary>
    static bool IsRows(int channel, params ReadOnlySpan<View?> views)
    {
        foreach (var view in views)
            if (view is { } v && (!v.IsDense || channel != (v.Shape.Rank == 4 ? 1 : v.Shape.Rank - 1))) return false;
        return true;
    }

    /// <summary>The launch geometry of views of one shape that <see cref="IsRows"/>.</summary>
    ChannelGrid RowsOf(int channels, params ReadOnlySpan<View?> views)
    {
        bool vectors = channels % 4 == 0 && !PlainChannels;
        foreach (var view in views)
            if (view is { } v && v.Address % (4 * v.DType.Size()) != 0) vectors = false;
        return new ChannelGrid(channels, views[0]!.Value.Count / channels, vectors);
    }

    /// <summary>The numbers of a batch norm one after the other, copied where they are not.</summary>
    readonly struct DenseNorm : IDisposable
    {
        readonly Temporary? mean, var, w, b;

        public DenseNorm(ChannelNorm norm)
        {
            Mean = Dense(norm.Mean, ref mean)!.Value;
            Var = Dense(norm.Var, ref var)!.Value;
            W = Dense(norm.W, ref w);
            B = Dense(norm.B, ref b);
        }

        public View Mean { get; }

        public View Var { get; }

        public View? W { get; }

        public View? B { get; }

        public void Dispose()
        {
            mean?.Dispose();
            var?.Dispose();
            w?.Dispose();
            b?.Dispose();
        }

        internal static View? Dense(View? numbers, ref Temporary? copy)
        {
            if (numbers is not { } v || v.IsDense) return numbers;
            copy = new Temporary(v);
            v.Storage.Device.Backend.Copy(v, copy.Value.View);
            return copy.Value.View;
        }
    }
}
