using System.Globalization;

namespace Tessera.Emulator;

/// <summary>The memory that a followed warp sees, by the names that its registers show.</summary>
sealed unsafe class WatchedMemory(Warp warp)
{
    /// <summary>The bytes at <c>argument 0 + 396</c>, <c>table + 4</c>, <c>shared + 16</c> or <c>0x7f3c00</c>; null where they are not all somebody's.</summary>
    public byte[]? Read(string address, int count)
    {
        string[] parts = address.Split('+', StringSplitOptions.TrimEntries);
        if (count < 0 || parts.Length > 2 || !TryNumber(parts.Length > 1 ? parts[1] : "0", out ulong offset)) return null;
        if (parts[0] == "shared") return offset <= (ulong)warp.Cta.SharedBytes && (ulong)count <= (ulong)warp.Cta.SharedBytes - offset
            ? new Span<byte>(warp.Cta.Shared + offset, count).ToArray() : null;
        DeviceMemory memory = warp.Cta.Launch.Memory;
        if (!TryNumber(parts[0], out ulong start))
        {
            if (memory.OwnedBy(parts[0]) is not { } owned) return null;
            start = owned.Start;
        }
        return memory.Find(start + offset, count) is not null ? new Span<byte>((void*)(start + offset), count).ToArray() : null;
    }

    static bool TryNumber(string text, out ulong number) => text.StartsWith("0x", StringComparison.Ordinal)
        ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
