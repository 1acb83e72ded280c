namespace Tessera.Cuda;

/// <content>Layer and group norm: a block a row, with the row's elements in the caches.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void LayerNorm(View x, View? w, View? b, float eps, View y, View statistics)
    {
        if (!CanNormalize("LayerNorm", x, w, b, y)) base.LayerNorm(x, w, b, eps, y, statistics);
        else Launch("layernorm.ptx", "layer_norm", RowsOf(x), RowThreads(ElementsOf(x)),
            [x.Address, Start(w), Start(b), y.Address, statistics.Address, statistics.Slice(0, 1, 1).Address, ElementsOf(x), x.Shape[2], x.Shape[3], x.Shape[4], eps]);
    }

    public override void LayerNormBackward(View gy, View x, View? w, View statistics, View? gx, View? gw, View? gb)
    {
        if (!CanNormalize("LayerNormBackward", x, w, gy, gx))
        {
            base.LayerNormBackward(gy, x, w, statistics, gx, gw, gb);
            return;
        }
        if (gb is { } shift) Reduce(new Ops.Sum(), gy, shift);
        if (gx is null && gw is null) return;
        using var products = new Temporary(x.Storage.Device, Layout.Dense(gw is null ? [0] : x.Shape));
        Launch("layernorm.ptx", "layer_norm_backward", RowsOf(x), RowThreads(ElementsOf(x)),
            [gy.Address, x.Address, Start(w), statistics.Address, statistics.Slice(0, 1, 1).Address, Start(gx), gw is null ? 0 : products.View.Address,
                ElementsOf(x), x.Shape[2], x.Shape[3], x.Shape[4]]);
        if (gw is { } scale) Reduce(new Ops.Sum(), products.View, scale);
    }

    /// <summary>True where there are elements, and all tensors are dense.</summary>
    static bool CanNormalize(string op, View x, params ReadOnlySpan<View?> others)
    {
        ExpectFloat(op, x);
        bool dense = x.IsDense && x.Count > 0;
        foreach (View? other in others)
        {
            if (other is not { } v) continue;
            ExpectFloat(op, v);
            dense &= v.IsDense;
        }
        if (dense) ExpectCountable(x);
        return dense;
    }

    static int RowsOf(View x) => x.Shape[1] * x.Shape[2];

    static int ElementsOf(View x) => x.Shape[3] * x.Shape[4];

    static nint Start(View? view) => view is { } v ? v.Address : 0;
}
