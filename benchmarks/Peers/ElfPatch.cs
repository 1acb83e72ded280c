using System.Buffers.Binary;
using System.Text;

namespace Tessera.Benchmarks;

/// <summary>
/// TorchSharp 0.107's native library is linked against the C++ library of GCC 13 and does not load where that is older (Debian 12 has GCC 12).
/// All it wants from there is a function that makes sure that <c>std::cout</c> is ready, which libtorch, loaded before it, has done already.
/// In the copy in the benchmark's own output folder the need becomes a weak one, and the call goes to the harmless <c>getpid</c>.
/// </summary>
static class ElfPatch
{
    const string Version = "GLIBCXX_3.4.32";
    const string Symbol = "_ZSt21ios_base_library_initv";
    const string Harmless = "getpid";

    // Names of the ELF specification and of its GNU extension for symbol versions.
    const int ShtDynsym = 11, ShtGnuVerneed = 0x6ffffffe, ShtGnuVersym = 0x6fffffff;
    const int SymbolSize = 24, VersionIsWeak = 2, VersionGlobal = 1;

    /// <summary>Replaces the file by a changed one; true where there was something to change.</summary>
    public static bool Apply(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (!Relax(file)) return false;
        // The file may be a hard link to the package's: it is replaced, not written into.
        string next = path + ".next";
        File.WriteAllBytes(next, file);
        File.Move(next, path, overwrite: true);
        return true;
    }

    static bool Relax(byte[] elf)
    {
        Section symbols = default, versions = default, needs = default;
        int headers = (int)Int64(elf, 0x28), count = Int16(elf, 0x3c);
        for (int i = 0; i < count; i++)
        {
            var s = Section.At(elf, headers, i);
            if (s.Type == ShtDynsym) symbols = s;
            if (s.Type == ShtGnuVersym) versions = s;
            if (s.Type == ShtGnuVerneed) needs = s;
        }
        if (symbols.Size == 0 || versions.Size == 0 || needs.Size == 0) return false;
        if (!WeakenNeed(elf, needs.Offset, Section.At(elf, headers, needs.Link).Offset)) return false;
        int names = Section.At(elf, headers, symbols.Link).Offset;
        for (int i = 0; i < symbols.Size / SymbolSize; i++)
        {
            int name = names + Int32(elf, symbols.Offset + (SymbolSize * i));
            if (Text(elf, name) != Symbol) continue;
            Encoding.ASCII.GetBytes(Harmless + "\0").CopyTo(elf, name);
            BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(versions.Offset + (2 * i)), VersionGlobal);
        }
        return true;
    }

    /// <summary>Walks the list of needed libraries (count at 2, versions at 8, next at 12) and of each one's versions (flags at 4, name at 8, next at 12).</summary>
    static bool WeakenNeed(byte[] elf, int library, int names)
    {
        bool changed = false;
        for (int next = -1; next != 0; library += next)
        {
            int version = library + Int32(elf, library + 8);
            for (int i = Int16(elf, library + 2); i > 0; i--)
            {
                if (Text(elf, names + Int32(elf, version + 8)) == Version)
                {
                    elf[version + 4] |= VersionIsWeak;
                    changed = true;
                }
                version += Int32(elf, version + 12);
            }
            next = Int32(elf, library + 12);
        }
        return changed;
    }

    static int Int16(byte[] b, int at) => BinaryPrimitives.ReadUInt16LittleEndian(b.AsSpan(at));

    static int Int32(byte[] b, int at) => BinaryPrimitives.ReadInt32LittleEndian(b.AsSpan(at));

    static long Int64(byte[] b, int at) => BinaryPrimitives.ReadInt64LittleEndian(b.AsSpan(at));

    static string Text(byte[] b, int at) => Encoding.ASCII.GetString(b, at, Array.IndexOf(b, (byte)0, at) - at);

    /// <summary>A section header: type, where its content lies, and the section it refers to (its names).</summary>
    readonly record struct Section(int Type, int Offset, int Size, int Link)
    {
        const int HeaderSize = 64;

        public static Section At(byte[] elf, int headers, int i)
        {
            int h = headers + (HeaderSize * i);
            return new(Int32(elf, h + 4), (int)Int64(elf, h + 24), (int)Int64(elf, h + 32), Int32(elf, h + 40));
        }
    }
}
