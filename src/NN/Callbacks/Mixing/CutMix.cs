namespace Tessera.NN;

/// <summary>
/// Trains on items with a rectangle of another one in them (Yun et al., "CutMix", 2019): its area is a fraction 1-λ of the image where it lies inside, λ ~ Beta(α, α), and
/// loss ← λ·loss(y) + (1-λ)·loss(y') with the area that is really covered. One rectangle a batch. Validation sees the items themselves.
/// </summary>
/// <param name="alpha">α, positive; 1 makes all areas equally likely.</param>
public sealed class CutMix(double alpha = 1) : Callback
{
    readonly double alpha = Mixing.Positive(nameof(CutMix), alpha);

    /// <summary>The fraction of the image that the latest batch kept, λ.</summary>
    public float Weight { get; private set; } = 1;

    /// <summary>Rows and columns of the latest batch that came from other items.</summary>
    public (Range Rows, Range Columns) Cut { get; private set; }

    internal override CallbackSettings? Settings => new(nameof(CutMix), [alpha]);

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining) return;
        if (s.X.Rank != 4) throw new ShapeException($"CutMix: rank: got inputs {s.X.Shape}, expected images [N, C, H, W]. Hint: Mixup takes any shape.");
        var random = Generator.Default.Next();
        var (n, height, width) = (s.X.Shape[0], s.X.Shape[2], s.X.Shape[3]);
        double side = Math.Sqrt(1 - Beta.Sample(alpha, random.At(1, 0)));
        var place = random.At(2, 0);
        var (top, bottom) = Span(height, side, place.Uniform(0));
        var (left, right) = Span(width, side, place.Uniform(1));
        (Cut, Weight) = ((top..bottom, left..right), 1 - ((float)((bottom - top) * (right - left)) / (height * width)));

        var partner = Mixing.Partners(random, s.X);
        bool[] inside = [.. Enumerable.Range(0, height * width).Select(i => i / width >= top && i / width < bottom && i % width >= left && i % width < right)];
        s.X = Tensor.Where(Tensor.From(inside, [1, 1, height, width], s.X.Device), s.X.IndexSelect(0, partner), s.X);
        s.LossFunction = new MixedLoss(s.LossFunction, s.Y.IndexSelect(0, partner), Tensor.Full([n], Weight, DType.Float32, s.X.Device));
    }

    /// <summary>A stretch of ⌊side·size⌋ around a centre, as far as it lies in 0..size.</summary>
    static (int From, int To) Span(int size, double side, float centre)
    {
        int length = (int)(side * size), middle = (int)(centre * size), from = middle - (length / 2);
        return (Math.Max(0, from), Math.Min(size, from + length));
    }
}
