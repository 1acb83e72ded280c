using System.Runtime.CompilerServices;
using NUnit.Framework.Interfaces;

[assembly: Tessera.Tests.ReleaseViews]

namespace Tessera.Tests;

/// <summary>Views over pool storages with known contents, and their elements in logical row-major order.</summary>
internal static unsafe class Views
{
    static readonly List<Lease> leases = [];

    /// <summary>Gives all storages back.</summary>
    public static void Release()
    {
        foreach (var lease in leases) lease.Dispose();
        leases.Clear();
    }

    /// <summary>The CPU's operations.</summary>
    public static Backend Cpu => Device.Cpu.Backend;

    /// <summary>
    /// A view of a layout; every byte of its storage is 0xFF (NaN). The storage is given back after the test. The memory is the emulator's, which is
    /// memory of this process: both the CPU and the emulator work on it.
    /// </summary>
    public static View Empty<T>(Layout layout) where T : unmanaged
    {
        long low = layout.Offset, high = layout.Offset;
        for (int d = 0; d < layout.Shape.Rank; d++)
        {
            long reach = (layout.Shape[d] - 1) * layout.Strides[d];
            (low, high) = (low + Math.Min(0, reach), high + Math.Max(0, reach));
        }
        Assert.That(layout.Count == 0 || low >= 0, "the layout reaches before its storage");
        long bytes = Math.Max(1, high + 1) * Unsafe.SizeOf<T>();
        var (storage, lease) = Device.Emulator.Memory.Rent(bytes);
        leases.Add(lease);
        new Span<byte>((void*)storage.Pointer, (int)bytes).Fill(0xFF);
        return new View(storage, DTypes.Of<T>(), layout);
    }

    /// <summary>A dense view whose bytes are 0xFF.</summary>
    public static View Empty<T>(Shape shape) where T : unmanaged => Empty<T>(Layout.Dense(shape));

    /// <summary>Every element is NaN again, so that unwritten ones show.</summary>
    public static void Clear(View view) => Set<float>(view, [.. Enumerable.Repeat(float.NaN, (int)view.Count)]);

    /// <summary>A dense view that holds the values, given in logical row-major order.</summary>
    public static View Of<T>(Shape shape, params T[] values) where T : unmanaged => Of(Layout.Dense(shape), values);

    /// <summary>A view of any layout that holds the values, given in logical row-major order.</summary>
    public static View Of<T>(Layout layout, params T[] values) where T : unmanaged
    {
        var view = Empty<T>(layout);
        Set(view, values);
        return view;
    }

    /// <summary>Writes the elements in logical row-major order.</summary>
    public static void Set<T>(View view, params ReadOnlySpan<T> values) where T : unmanaged
    {
        Assert.That(values.Length, Is.EqualTo(view.Count));
        int i = 0;
        foreach (long at in Addresses(view.Layout)) ((T*)view.Storage.Pointer)[at] = values[i++];
    }

    /// <summary>The elements in logical row-major order.</summary>
    public static T[] Get<T>(View view) where T : unmanaged
    {
        Assert.That(view.DType, Is.EqualTo(DTypes.Of<T>()));
        T[] values = new T[view.Count];
        int i = 0;
        foreach (long at in Addresses(view.Layout)) values[i++] = ((T*)view.Storage.Pointer)[at];
        return values;
    }

    /// <summary>The definition of a layout: offset plus index times stride, for every index in logical row-major order.</summary>
    public static IEnumerable<long> Addresses(Layout layout)
    {
        int[] shape = layout.Shape.ToArray();
        for (long i = 0; i < layout.Count; i++)
        {
            long rest = i, at = layout.Offset;
            for (int d = shape.Length - 1; d >= 0; rest /= shape[d], d--) at += rest % shape[d] * layout.Strides[d];
            yield return at;
        }
    }
}

/// <summary>Gives the storages of a test back when it ends.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class ReleaseViewsAttribute : Attribute, ITestAction
{
    /// <inheritdoc/>
    public ActionTargets Targets => ActionTargets.Test;

    /// <inheritdoc/>
    public void BeforeTest(ITest test) { }

    /// <inheritdoc/>
    public void AfterTest(ITest test) => Views.Release();
}
