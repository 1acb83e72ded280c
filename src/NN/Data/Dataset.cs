namespace Tessera.NN;

/// <summary>Items with labels, each loaded when it is needed, by any thread.</summary>
public abstract class Dataset
{
    /// <summary>Number of items.</summary>
    public abstract int Count { get; }

    /// <summary>Shape of one item: <c>[C, H, W]</c> for images.</summary>
    public abstract Shape InputShape { get; }

    /// <summary>Loads an item; called from several threads at once.</summary>
    /// <param name="item">0..<see cref="Count"/>-1.</param>
    /// <param name="random">The item's own random stream in this epoch; the same for a seed, whatever the thread.</param>
    /// <param name="x">Where the elements go, all of them: in the order H, W, C for shapes <c>[C, H, W]</c>, else row-major.</param>
    /// <param name="label">The class.</param>
    public abstract void Load(int item, Philox random, Span<float> x, out long label);

    /// <summary>Whether threads only <see cref="Prepare"/> items, and the device makes a batch of them with <see cref="Make"/>.</summary>
    internal virtual bool MakesBatches => false;

    /// <summary>Like <see cref="Load"/>, but gives what <see cref="Make"/> needs.</summary>
    internal virtual object Prepare(int item, Philox random, out long label) => throw new NotSupportedException();

    /// <summary>The batch [N, ...] of prepared items.</summary>
    internal virtual Tensor Make(ReadOnlySpan<object?> items, Device device) => throw new NotSupportedException();

    /// <summary>
    /// What tells the set from another of the same size, part by part, such as <c>("photos", "a hash of their names")</c>: a run that goes on must find the same (<see cref="RunFile"/>).
    /// None where it is not known.
    /// </summary>
    public virtual IEnumerable<(string Part, string Content)> Identify() => [];

    /// <summary>What an error message calls the item: its file where there is one.</summary>
    public virtual string Describe(int item) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"item {item}");
}
