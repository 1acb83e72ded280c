using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>
/// Weights in 16 bits. A copy is kept from the second use of the same content on, so that training, which changes its weights every step, pays nothing; a
/// change of the content drops it.
/// </summary>
static class RoundedWeights
{
    static readonly ConditionalWeakTable<Storage, Copy> copies = [];

    /// <summary>The weights rounded to <paramref name="type"/>: a tensor of the caller's.</summary>
    public static Tensor Of(Tensor w, DType type)
    {
        var storage = w.View.Storage;
        var copy = copies.GetValue(storage, static _ => new Copy());
        lock (copy)
        {
            if (copy.Version != storage.Version || copy.Layout is not { } layout || !layout.Equals(w.Layout) || copy.Type != type)
            {
                copy.Kept?.Dispose();
                (copy.Version, copy.Layout, copy.Type, copy.Kept) = (storage.Version, w.Layout, type, null);
                return w.As(type);
            }
            copy.Kept ??= Scope.Keep(w.As(type));
            return copy.Kept.Detach();
        }
    }

    sealed class Copy
    {
        public int Version { get; set; }

        public Layout? Layout { get; set; }

        public DType Type { get; set; }

        public Tensor? Kept { get; set; }
    }
}
