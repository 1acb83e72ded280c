using System.Numerics;

namespace Tessera.Emulator;

/// <summary>
/// Instructions of a warp with a member mask: a thread names itself, all it names come to the instruction with it and name the same, and
/// a shuffle reads only from such threads.
/// </summary>
sealed unsafe class MaskCheck(Observers observers)
{
    /// <summary>Lanes come to an instruction with such a mask.</summary>
    public void Step(Warp w, Op op, Slot64 members, uint active)
    {
        byte* r = w.Registers;
        for (uint m = active; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            uint named = (uint)members.Read(r, lane);
            uint absent = named & w.Live & ~active;
            if ((named >> lane & 1) == 0) Find(w, op, lane, 0, $"the member mask 0x{named:X8} does not name the thread itself, lane {lane}");
            else if (absent != 0) Find(w, op, lane, 1, $"the member mask 0x{named:X8} names lanes that do not come to the instruction: 0x{absent:X8}");
            for (uint others = named & active; others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                if ((uint)members.Read(r, other) == named) continue;
                Find(w, op, lane, 2, $"lanes {lane} and {other} take part together but name different members: 0x{named:X8} and 0x{(uint)members.Read(r, other):X8}");
                break;
            }
            if (op is Shuffle shuffle && shuffle.SourceOf(r, lane) is int from && ((named & active) >> from & 1) == 0)
                Find(w, op, lane, 3, $"lane {lane} reads from lane {from}, which does not take part in the shuffle");
        }
    }

    void Find(Warp w, Op op, int lane, int kind, string message) => observers.Findings.Add("mask", op, kind, w.SpotOf(lane), message);
}
