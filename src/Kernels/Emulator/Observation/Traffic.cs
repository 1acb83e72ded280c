using System.Numerics;

namespace Tessera.Emulator;

/// <summary>How the hardware serves one request of a warp.</summary>
static unsafe class Traffic
{
    const int sector = 32, banks = 32;

    /// <summary>The different sectors of a request, ascending, in <paramref name="sectors"/> (room for 32); returns how many.</summary>
    public static int Sectors(in Request q, ulong* sectors)
    {
        int count = 0;
        ulong last = ulong.MaxValue;
        bool ascending = true;
        for (uint m = q.Mask; m != 0; m &= m - 1)
        {
            ulong s = q.At[BitOperations.TrailingZeroCount(m)] / sector;
            if (s == last) continue;
            ascending &= count == 0 || s > last;
            sectors[count++] = last = s;
        }
        if (ascending) return count;
        Span<ulong> all = new(sectors, count);
        all.Sort();
        count = 1;
        for (int i = 1; i < all.Length; i++) if (all[i] != all[count - 1]) all[count++] = all[i];
        return count;
    }

    /// <summary>
    /// The passes of a request to shared memory beyond the necessary ones. Lanes with up to 4 bytes go together, with 8 bytes 16 of them, with 16
    /// bytes 8; such a group takes as many passes as the busiest bank has different words.
    /// </summary>
    public static int Conflicts(in Request q)
    {
        int together = q.Bytes <= 4 ? 32 : 128 / q.Bytes, extra = 0;
        for (int first = 0; first < 32; first += together)
        {
            uint group = q.Mask & (uint)(((1ul << together) - 1) << first);
            if (group != 0) extra += Passes(q, group) - 1;
        }
        return extra;
    }

    static int Passes(in Request q, uint group)
    {
        int words = Math.Max(1, q.Bytes / 4), passes = 1;
        // For each bank the words that are wanted: a list over the lanes' words, at most 32 in all.
        uint* word = stackalloc uint[banks];
        int* next = stackalloc int[banks];
        int* head = stackalloc int[banks];
        int* length = stackalloc int[banks];
        new Span<int>(head, banks).Fill(-1);
        new Span<int>(length, banks).Clear();
        int count = 0;
        for (; group != 0; group &= group - 1)
        {
            uint start = (uint)q.At[BitOperations.TrailingZeroCount(group)] / 4;
            for (uint w = start; w < start + words; w++)
            {
                uint bank = w % banks;
                int at = head[bank];
                while (at >= 0 && word[at] != w) at = next[at];
                if (at >= 0) continue;
                (word[count], next[count], head[bank]) = (w, head[bank], count);
                count++;
                passes = Math.Max(passes, ++length[bank]);
            }
        }
        return passes;
    }
}
