namespace Tessera;

/// <summary>
/// An n-dimensional array on a device that remembers how it was computed. Shapes are logical (<c>[N, C, H, W]</c>); dense 4-d tensors lie
/// channels-last in memory, all others row-major (see <see cref="Layout"/>). Memory comes from the device's pool and goes back when the
/// enclosing <see cref="Scope"/> ends, on <see cref="Dispose"/>, or when the garbage collector finds the tensor unreachable.
/// </summary>
public sealed partial class Tensor : IDisposable
{
    readonly Lease lease;
    readonly View view;
    Op? producer;

    /// <summary>A tensor over one use of a storage.</summary>
    internal Tensor(View view, Lease lease)
    {
        this.view = view;
        this.lease = lease;
        Scope.Register(lease);
        Temporaries.Add(this);
    }

    /// <summary>The elements of another tensor, held for the gradients of a recorded operation.</summary>
    Tensor(Tensor held)
    {
        view = held.View;
        lease = view.Storage.Rent();
        Scope.RegisterHeld(lease);
    }

    /// <summary>The safety net: memory of a tensor that nobody can reach goes back to the pool.</summary>
    ~Tensor() => lease.Release(finalizing: true);

    /// <summary>The sizes.</summary>
    public Shape Shape => view.Shape;

    /// <summary>Number of dimensions.</summary>
    public int Rank => view.Shape.Rank;

    /// <summary>Number of elements.</summary>
    public long Count => view.Count;

    /// <summary>Element type.</summary>
    public DType DType => view.DType;

    /// <summary>Where the elements live.</summary>
    public Device Device => view.Storage.Device;

    /// <summary>Strides and offset in the storage.</summary>
    public Layout Layout => view.Layout;

    /// <summary>True where the elements lie densely in the order of their rank; false for most transposed, sliced and expanded views.</summary>
    public bool IsDense => view.IsDense;

    /// <summary>True once the memory was given back; every use is an error then.</summary>
    public bool IsReleased => lease.IsReleased;

    /// <summary>
    /// True where <see cref="Backward"/> computes a gradient with respect to this tensor: set it on leaves (parameters); results have it
    /// when one of their inputs does.
    /// </summary>
    /// <exception cref="DTypeException">Set on a tensor of integers.</exception>
    public bool RequiresGrad
    {
        get => field || producer is not null;
        set
        {
            if (value && !DType.IsFloat())
                throw new DTypeException($"RequiresGrad: only floats have gradients: got {DType}, expected Float32. Hint: cast with To(DType.Float32).");
            field = value;
        }
    }

    /// <summary>The gradient of a leaf after <see cref="Backward"/>: same shape as the tensor; null before, and after <see cref="ZeroGrad"/>.</summary>
    public Tensor? Grad { get; private set; }

    /// <summary>True for a tensor that was not computed from others that need a gradient.</summary>
    public bool IsLeaf => producer is null;

    /// <summary>What a backend needs to know.</summary>
    /// <exception cref="TesseraException">The memory was given back.</exception>
    public View View => IsReleased
        ? throw new TesseraException($"Tensor: used after its memory was given back: a {DType} tensor of shape {Shape}. Hint: Scope.Keep(tensor) lets it outlive its scope.")
        : view;

    /// <summary>The operations of the device.</summary>
    internal Backend Backend => Device.Backend;

    /// <summary>The operation that computed this tensor, where a gradient was wanted.</summary>
    internal Op? Producer
    {
        get => producer;
        set => producer = value;
    }

    internal Lease Lease => lease;

    /// <summary>Gives the memory back now instead of at the end of the scope.</summary>
    public void Dispose()
    {
        lease.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Forgets the gradient and gives its memory back.</summary>
    public void ZeroGrad()
    {
        Grad?.Dispose();
        Grad = null;
    }

    /// <summary>The same elements without history: shares memory, needs no gradient.</summary>
    public Tensor Detach() => Alias(View);

    /// <summary>A use of these elements for a recorded operation; local scopes do not end it.</summary>
    internal Tensor Hold() => new(this);

    /// <summary>Another tensor over this storage.</summary>
    internal Tensor Alias(View other) => new(other, other.Storage.Rent());
}
