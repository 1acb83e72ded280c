namespace Tessera;

// Maps that read and write halves as they lie: widened, computed in float32, rounded once. For forward passes within Autocast, and for gradients of what ran there.
public sealed partial class Tensor
{
    /// <summary>y = f(x) in an element type, dense; without history. x Float32 or of 16 bits.</summary>
    static Tensor Map<TOp>(TOp op, Tensor x, DType type) where TOp : struct, IUnary
    {
        var y = Empty(x.Shape, type, x.Device);
        if (x.Is16Bit || y.Is16Bit) x.Backend.Unary16(op, x.View, y.View);
        else x.Backend.Unary(op, x.View, y.View);
        GC.KeepAlive(x);
        return y;
    }

    /// <summary>y = f(a, b) in an element type, broadcast, dense; without history. a and b Float32 or of 16 bits.</summary>
    static Tensor Map<TOp>(TOp op, Tensor a, Tensor b, string name, DType type) where TOp : struct, IBinary
    {
        var shape = Shape.Broadcast(a.Shape, b.Shape, name);
        var y = Empty(shape, type, a.Device);
        MapInto(op, a.View.BroadcastTo(shape), b.View.BroadcastTo(shape), y.View);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        return y;
    }

    /// <summary>y ← f(a, b), of one shape, each Float32 or of 16 bits.</summary>
    internal static void MapInto<TOp>(TOp op, View a, View b, View y) where TOp : struct, IBinary
    {
        var backend = y.Storage.Device.Backend;
        if (a.DType == DType.Float32 && b.DType == DType.Float32 && y.DType == DType.Float32) backend.Binary(op, a, b, y);
        else backend.Binary16(op, a, b, y);
    }
}
