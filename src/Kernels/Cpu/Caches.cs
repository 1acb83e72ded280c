using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

/// <summary>The processor's caches, as far as the system tells.</summary>
internal static class Caches
{
    const long Usual = 32 << 20;
    const int Most = 16; // caches that a processor is asked for

    static long last;

    /// <summary>
    /// Bytes of the last cache between a core and memory; 32 MiB where nobody tells, as in some virtual machines. Only how a result is written depends on it, never its
    /// bits: tests set it.
    /// </summary>
    public static long Last
    {
        get => last != 0 ? last : last = Asked();
        set => last = value;
    }

    static long Asked() => Math.Max(FromFiles(), FromProcessor()) is var bytes and > 0 ? bytes : Usual;

    /// <summary>What Linux says of the first processor's caches: <c>32768K</c>.</summary>
    static long FromFiles()
    {
        const string folder = "/sys/devices/system/cpu/cpu0/cache";
        long largest = 0;
        try
        {
            for (int i = 0; i < Most && File.Exists($"{folder}/index{i}/size"); i++)
                if (long.TryParse(File.ReadAllText($"{folder}/index{i}/size").Trim().TrimEnd('K'), NumberStyles.None, CultureInfo.InvariantCulture, out long kib)) largest = Math.Max(largest, kib << 10);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
        return largest;
    }

    /// <summary>CPUID leaf 4, or AMD's of the same form: a cache a subleaf, until one of type 0.</summary>
    static long FromProcessor()
    {
        if (!X86Base.IsSupported) return 0;
        bool amd = X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= unchecked((int)0x8000001D) && X86Base.CpuId(0, 0).Ebx == 0x68747541; // "Auth"
        int leaf = amd ? unchecked((int)0x8000001D) : 4;
        if (!amd && X86Base.CpuId(0, 0).Eax < 4) return 0;
        long largest = 0;
        for (int i = 0; i < Most; i++)
        {
            var (a, b, sets, _) = X86Base.CpuId(leaf, i);
            if ((a & 31) == 0) break;
            long ways = ((uint)b >> 22) + 1, partitions = (((uint)b >> 12) & 0x3FF) + 1, line = ((uint)b & 0xFFF) + 1;
            largest = Math.Max(largest, ways * partitions * line * ((uint)sets + 1L));
        }
        return largest;
    }
}
