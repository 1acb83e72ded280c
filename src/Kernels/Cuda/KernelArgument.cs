using System.Runtime.CompilerServices;

namespace Tessera.Cuda;

/// <summary>One parameter of a launch: up to 8 bytes by value, or a structure that stays where it is until the launch has been given.</summary>
internal readonly unsafe struct KernelArgument
{
    readonly ulong value;
    readonly void* structure;

    KernelArgument(ulong value) => this.value = value;

    KernelArgument(void* structure) => this.structure = structure;

    /// <summary>The address of a view's first element.</summary>
    public static implicit operator KernelArgument(View view) => new((ulong)view.Address);

    /// <summary>The address of a view's first element; the null pointer where there is none.</summary>
    public static implicit operator KernelArgument(View? view) => view is { } v ? v : new KernelArgument(0ul);

    /// <summary>A device address.</summary>
    public static implicit operator KernelArgument(nint address) => new((ulong)address);

    /// <summary>A <c>.u32</c> or <c>.s32</c> parameter.</summary>
    public static implicit operator KernelArgument(int value) => new((uint)value);

    /// <summary>A <c>.u32</c> parameter.</summary>
    public static implicit operator KernelArgument(uint value) => new(value);

    /// <summary>A <c>.u64</c> or <c>.s64</c> parameter.</summary>
    public static implicit operator KernelArgument(long value) => new((ulong)value);

    /// <summary>A <c>.u64</c> parameter.</summary>
    public static implicit operator KernelArgument(ulong value) => new(value);

    /// <summary>An <c>.f32</c> parameter.</summary>
    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));

    /// <summary>An <c>.f64</c> parameter.</summary>
    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>A structure passed by value (<c>.b8 name[size]</c>) that lies on the stack or is otherwise fixed.</summary>
    public static KernelArgument Struct<T>(ref T value) where T : unmanaged => new(Unsafe.AsPointer(ref value));

    /// <summary>Where the bytes of argument <paramref name="self"/> lie.</summary>
    public static void* AddressOf(KernelArgument* self) => self->structure != null ? self->structure : &self->value;
}
