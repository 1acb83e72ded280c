using System.Globalization;

namespace Tessera.Emulator;

/// <summary>A <c>.target</c>: <c>sm_90a</c> is (90, 'a').</summary>
readonly record struct PtxTarget(int Number, char Suffix)
{
    /// <summary>Every target ptxas 13.0 knows, with the first <c>.version</c> that takes it plain, with 'a' and with 'f' (0: never).</summary>
    static readonly Dictionary<int, (int Plain, int A, int F)> known = new()
    {
        [10] = (10, 0, 0),
        [11] = (10, 0, 0),
        [12] = (12, 0, 0),
        [13] = (12, 0, 0),
        [20] = (20, 0, 0),
        [21] = (20, 0, 0),
        [30] = (30, 0, 0),
        [32] = (40, 0, 0),
        [35] = (31, 0, 0),
        [37] = (41, 0, 0),
        [50] = (40, 0, 0),
        [52] = (41, 0, 0),
        [53] = (42, 0, 0),
        [60] = (50, 0, 0),
        [61] = (50, 0, 0),
        [62] = (50, 0, 0),
        [70] = (51, 0, 0),
        [72] = (61, 0, 0),
        [75] = (63, 0, 0),
        [80] = (70, 0, 0),
        [86] = (71, 0, 0),
        [87] = (74, 0, 0),
        [88] = (73, 0, 0),
        [89] = (78, 0, 0),
        [90] = (78, 80, 0),
        [100] = (86, 86, 88),
        [101] = (86, 86, 88),
        [103] = (88, 88, 88),
        [110] = (90, 90, 90),
        [120] = (87, 87, 88),
        [121] = (88, 88, 88),
    };

    static readonly HashSet<int> versions =
    [
        10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 30, 31, 32, 40, 41, 42, 43, 50, 51, 60, 61, 62, 63, 64, 65, 70, 71, 72, 73, 74, 75, 76, 77, 78,
        80, 81, 82, 83, 84, 85, 86, 87, 88, 90,
    ];

    /// <summary>The version as one number, 7.8 as 78; 0 for one that was never released.</summary>
    public static int Version((int Major, int Minor) version)
    {
        int number = version.Minor > 9 ? 0 : version.Major > 99 ? 0 : (version.Major * 10) + version.Minor;
        return versions.Contains(number) ? number : 0;
    }

    /// <summary>Reads <c>sm_90a</c>, <c>compute_75</c>.</summary>
    public static PtxTarget? Parse(string name)
    {
        string digits = name.StartsWith("sm_", StringComparison.Ordinal) ? name[3..] : name.StartsWith("compute_", StringComparison.Ordinal) ? name[8..] : "";
        char suffix = digits.Length > 0 && digits[^1] is 'a' or 'f' ? digits[^1] : '\0';
        return int.TryParse(suffix == 0 ? digits : digits[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? new PtxTarget(number, suffix) is { FirstVersion: > 0 } target ? target : null
            : null;
    }

    /// <summary>The first version that takes the target; 0 where none does.</summary>
    public int FirstVersion => !known.TryGetValue(Number, out var first) ? 0 : Suffix switch { 'a' => first.A, 'f' => first.F, _ => first.Plain };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"sm_{Number}{(Suffix == 0 ? "" : Suffix)}");
}

/// <summary>What an instruction, modifier or type asks of the text's <c>.version</c> and <c>.target</c>.</summary>
/// <param name="Version">The first version, 7.8 as 78.</param>
/// <param name="Target">The first target's number.</param>
/// <param name="Suffixed">Only targets with a suffix: <c>sm_100a</c>, <c>sm_100f</c> and newer ones.</param>
/// <param name="Last">The last target of a suffixed range; 0 for no end.</param>
/// <param name="Exact">A target with 'a' that is taken by itself, such as 90 for <c>sm_90a</c>; with no other targets where nothing else is asked.</param>
/// <param name="GoneVersion">With this version and <paramref name="GoneTarget"/> it is gone.</param>
/// <param name="GoneTarget">See <paramref name="GoneVersion"/>.</param>
readonly record struct Gate(int Version, int Target, bool Suffixed, int Last, int Exact, int GoneVersion, int GoneTarget)
{
    /// <summary>Reads <c>7.0,80</c>, <c>8.6,100af-110</c>, <c>8.0,90a+100af</c>, <c>&lt;6.4,70</c>.</summary>
    public static Gate Parse(string text)
    {
        Gate gate = default;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i].StartsWith('<'))
            {
                gate = gate with { GoneVersion = Number(parts[i][1..].Replace(".", "", StringComparison.Ordinal)), GoneTarget = Number(parts[i + 1]) };
                i++;
            }
            else if (i == 0) gate = gate with { Version = parts[i].Length == 0 ? 0 : Number(parts[i].Replace(".", "", StringComparison.Ordinal)) };
            else gate = parts[i].Split('+').Aggregate(gate, OneTarget);
        }
        return gate;
    }

    static Gate OneTarget(Gate gate, string text)
    {
        int af = text.IndexOf("af", StringComparison.Ordinal);
        if (af > 0) return gate with { Target = Number(text[..af]), Suffixed = true, Last = text.Length > af + 2 ? Number(text[(af + 3)..]) : 0 };
        return text[^1] == 'a' ? gate with { Exact = Number(text[..^1]) } : gate with { Target = Number(text) };
    }

    static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    public bool Admits(int version, PtxTarget target) =>
        version >= Version && TargetFits(target) && !(GoneTarget > 0 && version >= GoneVersion && target.Number >= GoneTarget);

    bool TargetFits(PtxTarget target)
    {
        if (Exact > 0 && target.Number == Exact && target.Suffix == 'a') return true;
        if (Exact > 0 && Target == 0) return false;
        return target.Number >= Target && (!Suffixed || (target.Suffix != 0 && (Last == 0 || target.Number <= Last)));
    }

    public string Describe(int version, PtxTarget target)
    {
        if (version < Version) return string.Create(CultureInfo.InvariantCulture, $"needs .version {Version / 10}.{Version % 10} or newer");
        if (!TargetFits(target)) return string.Create(CultureInfo.InvariantCulture, $"needs .target sm_{(Target > 0 ? Target : Exact)}{(Suffixed || Target == 0 ? "a" : " or newer")}");
        return string.Create(CultureInfo.InvariantCulture, $"is gone from .target sm_{GoneTarget} on, with .version {GoneVersion / 10}.{GoneVersion % 10} or newer");
    }
}
