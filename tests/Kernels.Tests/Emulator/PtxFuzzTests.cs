using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Damaged PTX gives a verdict or a <see cref="PtxException"/> inside the text: never another exception, a crash or a hang. TESSERA_FUZZ is how many to try.</summary>
public sealed class PtxFuzzTests
{
    static readonly string[] pieces =
    [
        "{", "}", ";", "[", "]", "(", ")", ",", "|", "!", "@", "@%p1", "-", "+", "<", ">", ":", "_", "%", "%tid.x", "0f3F800000", "1e5", "0x", "18446744073709551616", "\"", "/*", "//",
        ".reg .f32 %x<4>;", ".v4", ".f32", ".b128", ".pred", ".param .b8 a[4];", "call (%r1), f, (%r2);", "L:", "bra L;", ".branchtargets L;", ".entry", ".func f()", "WARP_SZ", "\0", "\u00e9", "1?2:3", "1/0",
    ];

    [Test, CancelAfter(3_600_000)]
    public void DamagedTexts()
    {
        var random = new Random(11);
        string[] texts = [.. PtxasVerdict.All.Where(v => v.Accepted).Where((_, i) => i % 7 == 0).Select(v => v.Text()), File.ReadAllText(Path.Combine(TestData.Golden("ptx-nvcc"), "k.sm_80.O3.ptx"))];
        int accepted = 0, rejected = 0, count = PtxLaunchFuzzTests.Number("TESSERA_FUZZ", 20_000);
        for (int n = 0; n < count; n++)
        {
            string text = texts[n % 200 == 0 ? texts.Length - 1 : random.Next(texts.Length)];
            for (int k = random.Next(1, 4); k > 0; k--) text = Mutate(text, texts, random);
            try
            {
                PtxModule.Parse(text).Verify();
                accepted++;
            }
            catch (PtxException e)
            {
                int lines = text.Count(c => c == '\n') + 1;
                Assert.That(e.Line, Is.InRange(1, lines), e.Message);
                Assert.That(e.Column, Is.InRange(1, text.Length + 1), e.Message);
                rejected++;
            }
        }
        if (count < 20_000) return;
        Assert.That(accepted, Is.GreaterThan(100));
        Assert.That(rejected, Is.GreaterThan(5_000));
    }

    static string Mutate(string text, string[] texts, Random random)
    {
        int a = random.Next(text.Length + 1), b = Math.Min(text.Length, a + random.Next(30));
        switch (random.Next(5))
        {
            case 0: return text.Remove(a, b - a);
            case 1: return text.Insert(a, pieces[random.Next(pieces.Length)]);
            case 2: return text[..a] + pieces[random.Next(pieces.Length)] + text[b..];
            case 3:
                string other = texts[random.Next(texts.Length - 1)];
                int c = random.Next(other.Length + 1);
                return text[..a] + other[c..Math.Min(other.Length, c + 40)] + text[a..];
            default: return a == text.Length ? text : text[..a] + (char)random.Next(128) + text[(a + 1)..];
        }
    }
}
