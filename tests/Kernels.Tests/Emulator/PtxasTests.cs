using System.Globalization;
using Tessera.Emulator;

namespace Tessera.Tests;

/// <summary>The verifier accepts and rejects what ptxas 13.0 accepts and rejects, case by case, and names the same gates.</summary>
[Category("Golden")]
public sealed class PtxasTests
{
    static readonly int[] targets = [10, 11, 12, 13, 20, 21, 30, 32, 35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121];
    static readonly string[] versions = "2.3 3.0 3.1 3.2 4.0 4.1 4.2 4.3 5.0 5.1 6.0 6.1 6.2 6.3 6.4 6.5 7.0 7.1 7.2 7.3 7.4 7.5 7.6 7.7 7.8 8.0 8.1 8.2 8.3 8.4 8.5 8.6 8.7 8.8 9.0".Split(' ');

    static IEnumerable<string> Groups => PtxasVerdict.Groups.Select(g => g.Key);

    [TestCaseSource(nameof(Groups))]
    public void SameVerdicts(string group)
    {
        List<string> differences = [];
        foreach (PtxasVerdict v in PtxasVerdict.Groups[group])
        {
            string? why = PtxasVerdict.Reject(v.Text(), v["arch"]);
            if (why == null != v.Accepted) differences.Add($"{v["id"]}: ptxas {v["verdict"]} {v["message"]}, we {why ?? "accept"}: {(v.IsInstruction ? v["body"] : v["ptx"])}");
        }
        Assert.That(differences, Is.Empty);
    }

    [Test]
    public void TheRecordIsWhole() => Assert.That((PtxasVerdict.All.Length, PtxasVerdict.All.Count(v => v.Accepted)), Is.EqualTo((15155, 5688)));

    /// <summary>At its first version and target a form is accepted, one step below either it is not.</summary>
    [TestCaseSource(nameof(Groups))]
    public void SameFirstVersionAndTarget(string group)
    {
        List<string> differences = [];
        foreach (PtxasVerdict v in PtxasVerdict.Groups[group].Where(v => v.IsInstruction && v["min_version"].Length > 0))
        {
            string version = v["min_version"], target = v["min_target"];
            string Say(string text) => $"{v["id"]} {v["body"]} [{version} {target}]: {text}";
            PtxTarget first = PtxTarget.Parse(target)!.Value;
            // What has no gate is recorded with the oldest version the wrapper can have; a target may itself be younger.
            string from = versions.First(x => Number(x) >= Math.Max(Number(version), first.FirstVersion));
            if (PtxasVerdict.Reject(v.Text(from, target), null) is string why) differences.Add(Say(why));
            string? older = versions.LastOrDefault(x => Number(x) < Number(version) && Number(x) >= first.FirstVersion);
            if (older != null && PtxasVerdict.Reject(v.Text(older, target), null) == null) differences.Add(Say($"accepted with .version {older}"));
            int below = targets.LastOrDefault(t => t < first.Number);
            if (target != "sm_20" && below > 0 && PtxasVerdict.Reject(v.Text("9.0", $"sm_{below}"), null) == null) differences.Add(Say($"accepted for sm_{below}"));
        }
        Assert.That(differences, Is.Empty);
    }

    [TestCaseSource(nameof(Groups))]
    public void SameLastTarget(string group)
    {
        foreach (PtxasVerdict v in PtxasVerdict.Groups[group].Where(v => v.IsInstruction && v["max_target"].Length > 0))
        {
            int last = PtxTarget.Parse(v["max_target"])!.Value.Number, next = targets.First(t => t > last + 1);
            Assert.That(PtxasVerdict.Reject(v.Text("9.0", v["max_target"]), null), Is.Null, v["body"]);
            Assert.That(PtxasVerdict.Reject(v.Text("9.0", $"sm_{next}"), null), Is.Not.Null, v["body"]);
        }
    }

    static int Number(string version) => (int)Math.Round(double.Parse(version, CultureInfo.InvariantCulture) * 10);
}
