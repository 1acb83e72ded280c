using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tessera;

/// <summary>An argument of a kernel: a value, memory that the kernel gets a pointer to, or a structure of these.</summary>
public abstract class PtxArgument
{
    private protected PtxArgument() { }

    /// <summary>A number, or a structure passed by value.</summary>
    public static PtxArgument Value<T>(T value) where T : unmanaged =>
        new ValueArgument(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray(), Unsafe.SizeOf<Aligned<T>>() - Unsafe.SizeOf<T>());

    /// <summary>The bytes of a parameter as they are; inside a structure they need no alignment.</summary>
    public static PtxArgument Bytes(ReadOnlySpan<byte> value) => new ValueArgument(value.ToArray(), 1);

    /// <summary>A pointer to memory with the array's content; after the launch the array holds the memory's content. An array that is passed twice is one piece of memory.</summary>
    public static PtxArgument Buffer<T>(T[] data) where T : unmanaged => new BufferArgument<T>(data ?? throw new ArgumentNullException(nameof(data)));

    /// <summary>A structure passed by value, laid out as C does: each field at a multiple of its size, the whole a multiple of the largest.</summary>
    public static PtxArgument Struct(params PtxArgument[] fields) => new StructArgument(fields);

    /// <summary>Bytes of the parameter, and what its place is a multiple of.</summary>
    internal abstract (int Size, int Alignment) Layout { get; }

    /// <summary>Writes the parameter; buffers are placed by <paramref name="place"/>, which gets a name for messages and gives the address.</summary>
    internal abstract void Write(Span<byte> parameter, string name, Func<BufferArgument, string, ulong> place);

    /// <summary>The bytes of every parameter; each array is placed once.</summary>
    internal static byte[][] Write(PtxArgument[] arguments, Func<BufferArgument, string, ulong> place)
    {
        Dictionary<Array, ulong> placed = new(ReferenceEqualityComparer.Instance);
        ulong Place(BufferArgument buffer, string name) => placed.TryGetValue(buffer.Elements, out ulong at) ? at : placed[buffer.Elements] = place(buffer, name);
        byte[][] parameters = [.. arguments.Select(a => new byte[a.Layout.Size])];
        for (int i = 0; i < arguments.Length; i++) arguments[i].Write(parameters[i], $"argument {i}", Place);
        return parameters;
    }

    /// <summary>The value lies where its alignment lets it.</summary>
    readonly record struct Aligned<T>(byte First, T Value) where T : unmanaged;
}

sealed class ValueArgument(byte[] value, int alignment) : PtxArgument
{
    internal override (int, int) Layout => (value.Length, alignment);

    internal override void Write(Span<byte> parameter, string name, Func<BufferArgument, string, ulong> place) => value.CopyTo(parameter);
}

/// <summary>A pointer to memory that starts as a copy of the content and is copied back.</summary>
abstract class BufferArgument : PtxArgument
{
    public abstract Array Elements { get; }

    public abstract Span<byte> Content { get; }

    internal override (int, int) Layout => (8, 8);

    internal override void Write(Span<byte> parameter, string name, Func<BufferArgument, string, ulong> place) =>
        BitConverter.TryWriteBytes(parameter, place(this, name));
}

sealed class BufferArgument<T>(T[] data) : BufferArgument where T : unmanaged
{
    public override Array Elements => data;

    public override Span<byte> Content => MemoryMarshal.AsBytes(data.AsSpan());
}

sealed class StructArgument(PtxArgument[] fields) : PtxArgument
{
    internal override (int, int) Layout
    {
        get
        {
            int alignment = fields.Select(f => f.Layout.Alignment).Append(1).Max();
            return (Up(Offsets().Last(), alignment), alignment);
        }
    }

    internal override void Write(Span<byte> parameter, string name, Func<BufferArgument, string, ulong> place)
    {
        int[] offsets = [.. Offsets()];
        for (int i = 0; i < fields.Length; i++) fields[i].Write(parameter.Slice(offsets[i], fields[i].Layout.Size), $"{name}.{i}", place);
    }

    /// <summary>Where each field starts, then where the last one ends.</summary>
    IEnumerable<int> Offsets()
    {
        int at = 0;
        foreach (PtxArgument field in fields)
        {
            var (size, alignment) = field.Layout;
            yield return at = Up(at, alignment);
            at += size;
        }
        yield return at;
    }

    static int Up(int at, int alignment) => (at + alignment - 1) / alignment * alignment;
}
