namespace Tessera.Cuda;

/// <summary>How work of a shape is done, for the newest shapes: null for what the library has no way for. The oldest makes room.</summary>
/// <param name="limit">Most shapes.</param>
internal sealed class PlanCache<TShape, TPlan>(int limit) : IDisposable
    where TShape : struct
    where TPlan : class, IDisposable
{
    readonly Dictionary<TShape, TPlan?> plans = [];
    readonly Queue<TShape> order = new();

    /// <summary>The number of shapes it knows.</summary>
    public int Count => plans.Count;

    /// <summary>Whether a shape is known; if so its plan.</summary>
    public bool TryGet(in TShape shape, out TPlan? plan) => plans.TryGetValue(shape, out plan);

    /// <summary>Keeps the plan of a shape, in the place of the one it had.</summary>
    public TPlan? Set(in TShape shape, TPlan? plan)
    {
        if (plans.TryGetValue(shape, out var before))
        {
            before?.Dispose();
        }
        else
        {
            if (order.Count == limit && plans.Remove(order.Dequeue(), out var oldest)) oldest?.Dispose();
            order.Enqueue(shape);
        }
        plans[shape] = plan;
        return plan;
    }

    public void Dispose()
    {
        foreach (var plan in plans.Values) plan?.Dispose();
        plans.Clear();
        order.Clear();
    }
}
