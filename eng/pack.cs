// Packs a folder as one tar compressed with Brotli: `dotnet run eng/pack.cs -- FOLDER OUT.tar.br [PREFIX-TO-LEAVE-OUT...]`.
// The same files give the same bytes: names sorted, no owners, one fixed time.
// The window of 16 MB lets near-equal neighbours (the same network in three opsets) share their bytes.
using System.Formats.Tar;
using System.IO.Compression;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: dotnet run eng/pack.cs -- FOLDER OUT.tar.br [PREFIX-TO-LEAVE-OUT...]");
    return 2;
}

string folder = Path.GetFullPath(args[0]);
IEnumerable<string> names = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
    .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
    .Where(name => !args[2..].Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
    .Order(StringComparer.Ordinal);

using MemoryStream tar = new();
using (TarWriter writer = new(tar, TarEntryFormat.Ustar, leaveOpen: true))
{
    foreach (string name in names)
    {
        writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(File.ReadAllBytes(Path.Combine(folder, name))),
            ModificationTime = DateTimeOffset.UnixEpoch,
        });
    }
}

byte[] packed = new byte[BrotliEncoder.GetMaxCompressedLength((int)tar.Length)];
if (!BrotliEncoder.TryCompress(tar.GetBuffer().AsSpan(0, (int)tar.Length), packed, out int length, quality: 11, window: 24))
    throw new IOException($"{args[1]}: compression failed");

string temporary = args[1] + ".tmp";
File.WriteAllBytes(temporary, packed[..length]);
File.Move(temporary, args[1], overwrite: true);
Console.WriteLine($"{args[1]}: {tar.Length:N0} -> {length:N0} bytes");
return 0;
