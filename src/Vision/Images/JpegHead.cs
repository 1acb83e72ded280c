using System.Buffers.Binary;

namespace Tessera.Vision;

/// <summary>What the head of a JPEG file says about the memory that its decoder takes.</summary>
static class JpegHead
{
    const int StartOfScan = 0xDA, Progressive = 2;

    /// <summary>
    /// Bytes of the coefficients that the decoder keeps for the whole picture: two a coefficient where the file has several scans, as a progressive one
    /// has; 0 where it has one, whose blocks are decoded as they come.
    /// </summary>
    public static long Coefficients(ReadOnlySpan<byte> file)
    {
        long bytes = 0;
        int components = 0;
        bool progressive = false;
        for (int at = 2; at + 4 <= file.Length;)
        {
            int marker = file[at + 1];
            if (file[at] != 0xFF || marker is 0xFF or 0x00) // filling
            {
                at++;
                continue;
            }
            if (marker is 0x01 or (>= 0xD0 and <= 0xD9)) // alone
            {
                at += 2;
                continue;
            }
            int length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            var segment = file[(at + 4)..Math.Clamp(at + 2 + length, at + 4, file.Length)];
            if (marker == StartOfScan) return progressive || (segment.Length > 0 && segment[0] < components) ? bytes : 0;
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) && segment.Length >= 6)
            {
                progressive = (marker & 3) == Progressive;
                components = segment[5];
                bytes = Bytes(segment);
            }
            at += 2 + Math.Max(length, 2);
        }
        return bytes;
    }

    /// <summary>Of a frame: precision, height, width, the number of components, and of each its name, its sampling (columns and rows in 4 bits each) and its table.</summary>
    static long Bytes(ReadOnlySpan<byte> frame)
    {
        long pixels = (long)BinaryPrimitives.ReadUInt16BigEndian(frame[1..]) * BinaryPrimitives.ReadUInt16BigEndian(frame[3..]);
        int sum = 0, columns = 1, rows = 1;
        for (int i = 7; i < frame.Length && i < 7 + (3 * frame[5]); i += 3)
        {
            var (h, v) = (frame[i] >> 4, frame[i] & 15);
            (sum, columns, rows) = (sum + (h * v), Math.Max(columns, h), Math.Max(rows, v));
        }
        return 2 * pixels * sum / (columns * rows);
    }
}
