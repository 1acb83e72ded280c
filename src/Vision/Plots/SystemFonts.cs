using System.Collections.Concurrent;
using System.Text;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>
/// The fonts of this system, for letters that ours has not. Skia's own search comes first (Windows and macOS); without it, as in the library for Linux that
/// needs nothing else, the files of the usual folders are opened one after another until one has the letter, each once.
/// </summary>
/// <param name="folders">Where fonts lie.</param>
sealed class SystemFonts(IEnumerable<string> folders)
{
    readonly ConcurrentDictionary<Rune, SKTypeface?> faces = new();
    readonly List<SKTypeface> opened = [];
    readonly IEnumerator<string> files = folders.SelectMany(Files).OrderBy(Rank).ThenBy(f => f, StringComparer.Ordinal).GetEnumerator();

    /// <summary>Of this system and user.</summary>
    public static SystemFonts Shared { get; } = new(Folders);

    static IEnumerable<string> Folders
    {
        get
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return ["/usr/share/fonts", "/usr/local/share/fonts", Path.Combine(home, ".local/share/fonts"), Path.Combine(home, ".fonts")];
        }
    }

    /// <summary>A font with this letter, or null. The answer is kept.</summary>
    public SKTypeface? With(Rune letter) => faces.GetOrAdd(letter, Find);

    /// <summary>A font of this family that was given, or null.</summary>
    public SKTypeface? Used(string family) => faces.Values.FirstOrDefault(f => f?.FamilyName == family);

    public static bool Has(SKTypeface face, Rune letter)
    {
        using var font = new SKFont(face);
        return font.ContainsGlyph(letter.Value);
    }

    SKTypeface? Find(Rune letter)
    {
        if (SKFontManager.Default.MatchCharacter(letter.Value) is { } matched && Has(matched, letter)) return matched;
        lock (opened)
        {
            if (opened.Find(f => Has(f, letter)) is { } known) return known;
            while (files.MoveNext())
            {
                if (SKTypeface.FromFile(files.Current) is not { } face) continue;
                opened.Add(face);
                if (Has(face, letter)) return face;
            }
            return null;
        }
    }

    /// <summary>Plain faces of fonts for many scripts first.</summary>
    static int Rank(string file) => (file.Contains("CJK", StringComparison.Ordinal) ? 0 : 1) + (file.Contains("Regular", StringComparison.Ordinal) ? 0 : 2);

    static IEnumerable<string> Files(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var all = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 8 };
        return Directory.EnumerateFiles(folder, "*", all).Where(f => Path.GetExtension(f).ToLowerInvariant() is ".ttf" or ".otf" or ".ttc");
    }
}
