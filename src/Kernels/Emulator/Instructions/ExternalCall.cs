using System.Text;

namespace Tessera.Emulator;

/// <summary>
/// A call of a function that no text defines: <c>vprintf</c> and <c>__assertfail</c>, which compilers make of printf and assert, <c>malloc</c> and <c>free</c>. Others end
/// the launch when a thread comes to them.
/// </summary>
sealed unsafe class ExternalCall(string name, CallValue[] arguments, CallValue[] results, int returnBlock) : MemoryOp(default)
{
    /// <summary>The longest text that is read.</summary>
    const int longest = 1 << 16;

    public override void Run(Warp w, uint mask)
    {
        w.Frame.Add(returnBlock, mask);
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = System.Numerics.BitOperations.TrailingZeroCount(mask);
            ulong[] values = [.. arguments.Select(a => a.Read(w, this, lane))];
            switch (name)
            {
                case "vprintf" when values.Length == 2:
                    int conversions = Print(w, lane, values[0], values[1]);
                    foreach (CallValue result in results) result.Write(w, this, lane, (ulong)conversions);
                    break;
                case "malloc" when values.Length == 1:
                    ulong taken = Take(w, values[0]);
                    foreach (CallValue result in results) result.Write(w, this, lane, taken);
                    break;
                case "free" when values.Length == 1:
                    if (values[0] != 0 && w.Cta.Launch.Memory.Heap.Return(values[0], Position.Line) is string fault) throw w.Fail(this, lane, "memory", fault);
                    break;
                case "__assertfail" when values.Length == 5:
                    throw w.Fail(this, lane, "assert", $"{TextAt(w, lane, values[1])}:{(uint)values[2]}: {TextAt(w, lane, values[3])}: assertion '{TextAt(w, lane, values[0])}' failed");
                default:
                    throw w.Fail(this, lane, "unsupported", $"the emulator has no external function '{name}'");
            }
        }
    }

    public override void Observe(Warp w, uint mask) { }

    /// <summary>The address of new memory; 0 where the heap has no more.</summary>
    ulong Take(Warp w, ulong bytes)
    {
        if (w.Cta.Launch.Memory.Heap.Take(bytes, Position.Line) is not { } taken) return 0;
        w.Cta.Launch.Shadow?.Forget(taken);
        return taken.Start;
    }

    int Print(Warp w, int lane, ulong format, ulong values)
    {
        Printf printf = new(bytes =>
        {
            // Each value lies at a multiple of its size.
            values = values + (ulong)bytes - 1 & ~((ulong)bytes - 1);
            byte* p = At(w, lane, values, bytes);
            values += (ulong)bytes;
            return bytes == 8 ? *(ulong*)p : *(uint*)p;
        }, at => TextAt(w, lane, at));
        string text = printf.Format(TextAt(w, lane, format));
        w.Cta.Launch.Print(w.Cta.Index, text);
        return printf.Conversions;
    }

    byte* At(Warp w, int lane, ulong at, int bytes) => Pointer(w, new Address(Space.Generic, null, (long)at, false), lane, bytes, 1);

    string TextAt(Warp w, int lane, ulong at)
    {
        List<byte> text = [];
        for (byte c; text.Count < longest && (c = *At(w, lane, at++, 1)) != 0;) text.Add(c);
        return Encoding.UTF8.GetString([.. text]);
    }
}
