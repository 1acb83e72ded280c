using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace Tessera.Tests.Hostile;

/// <summary>Damaged files by the thousand, the same ones each time. TESSERA_FUZZ is how many of each kind.</summary>
static class Fuzz
{
    static readonly TimeSpan slow = TimeSpan.FromSeconds(20), hung = TimeSpan.FromSeconds(120);
    static readonly byte[] odd = [0, 1, 0x7F, 0x80, 0xFF];

    public static int Count { get; } = int.TryParse(Environment.GetEnvironmentVariable("TESSERA_FUZZ"), CultureInfo.InvariantCulture, out int n) ? n : 1000;

    /// <summary>
    /// Each file is read, or refused with an error of ours that names it: no other exception, soon, and in memory of at most 4 times the file and 256 MB.
    /// </summary>
    /// <param name="name">How the reader's errors call the file.</param>
    /// <param name="make">A damaged file by its number and random numbers.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="count">How many.</param>
    /// <returns>How many were refused.</returns>
    public static int Run(string name, Func<int, Random, byte[]> make, Action<byte[]> read, int? count = null)
    {
        int refused = 0, current = 0;
        long start = Stopwatch.GetTimestamp(), began = start;
        Exception? failure = null;
        var reader = new Thread(() =>
        {
            try
            {
                for (int i = 0; i < (count ?? Count); i++)
                {
                    byte[] file = make(i, new Random(i));
                    Volatile.Write(ref current, i);
                    Volatile.Write(ref began, Stopwatch.GetTimestamp());
                    if (IsRefused(i, name, file, read)) refused++;
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        {
            IsBackground = true,
        };
        reader.Start();
        while (!reader.Join(500))
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref began)) > hung) Assert.Fail($"mutation {Volatile.Read(ref current)} of {name} hangs");
        if (failure is not null) throw new AssertionException(failure.ToString());
        if (Count > 10_000) TestContext.Progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {count ?? Count} files in {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s, {refused} refused"));
        return refused;
    }

    static bool IsRefused(int i, string name, byte[] file, Action<byte[]> read)
    {
        bool refused = false;
        Device.Cpu.Memory.ResetPeak();
        long live = Device.Cpu.Memory.Live, managed = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        try
        {
            using var scope = Scope.Begin();
            using var noGrad = Autograd.NoGrad();
            read(file);
        }
        catch (TesseraException e) when (e.Message.Contains(name, StringComparison.Ordinal))
        {
            refused = true;
        }
        catch (Exception e)
        {
            throw new AssertionException($"mutation {i}: {e}");
        }
        long memory = GC.GetAllocatedBytesForCurrentThread() - managed + Device.Cpu.Memory.Peak - live;
        if (memory > (4 * file.Length) + (256 << 20)) throw new AssertionException($"mutation {i} of {file.Length} bytes: {memory} bytes of memory");
        if (Stopwatch.GetElapsedTime(start) > slow) throw new AssertionException($"mutation {i}: {Stopwatch.GetElapsedTime(start)}");
        return refused;
    }

    /// <summary>One to three damages: pieces cut out or doubled, the end cut off, bytes changed, numbers made extreme; half of them at the head.</summary>
    /// <param name="whole">A sound file.</param>
    /// <param name="random">Decides.</param>
    /// <param name="head">How long the head is.</param>
    /// <param name="alphabet">Bytes to change to; null for any.</param>
    public static byte[] Mutate(byte[] whole, Random random, int head = 512, byte[]? alphabet = null)
    {
        byte[] file = [.. whole];
        for (int n = random.Next(1, 4); n > 0 && file.Length > 0; n--)
        {
            int at = random.Next(random.Next(2) == 0 ? Math.Min(head, file.Length) : file.Length), end = Math.Min(file.Length, at + random.Next(1, 40));
            switch (random.Next(8))
            {
                case 0: file = [.. file[..at], .. file[end..]]; break;
                case 1: file = [.. file[..end], .. file[at..]]; break;
                case 2 when random.Next(4) == 0: file = file[..at]; break;
                case 3 when alphabet is null: Number(file.AsSpan(at), random); break;
                case 4 when alphabet is null: file[at] ^= (byte)(1 << random.Next(8)); break;
                default: file[at] = alphabet is not null ? alphabet[random.Next(alphabet.Length)] : random.Next(2) == 0 ? odd[random.Next(odd.Length)] : (byte)random.Next(256); break;
            }
        }
        return file;
    }

    /// <summary>A length that is far too large, negative, or just beyond.</summary>
    static void Number(Span<byte> at, Random random)
    {
        long value = random.Next(6) switch { 0 => -1, 1 => long.MaxValue, 2 => int.MaxValue, 3 => 1L << random.Next(63), 4 => -(1L << random.Next(63)), _ => random.Next(1 << 20) };
        Span<byte> bytes = stackalloc byte[8];
        if (random.Next(2) == 0) BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        else BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        int width = Math.Min(at.Length, 1 << random.Next(1, 4));
        bytes[..width].CopyTo(at);
    }
}
