using System.Reflection;
using System.Text.RegularExpressions;
using Tessera.Cli;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>What a page lists is all there is: whoever adds a callback, a transform, a network, a metric or a command finds here that a page does not tell of it.</summary>
public sealed class CatalogueTests
{
    static string Page(string name) => File.ReadAllText(Path.Combine(TestData.RepositoryRoot, name));

    static IEnumerable<string> Kinds<T>() => new[] { typeof(Learner).Assembly, typeof(ImageLearner).Assembly }.SelectMany(a => a.GetExportedTypes())
        .Where(t => t.IsSubclassOf(typeof(T)) && !t.IsAbstract).Select(t => t.Name);

    /// <summary>Methods and properties of a static class that give a <typeparamref name="T"/>.</summary>
    static IEnumerable<string> Made<T>(Type type) => type.GetMembers(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(m => ((m as MethodInfo)?.ReturnType ?? (m as PropertyInfo)?.PropertyType) == typeof(T)).Select(m => m.Name).Where(n => !n.StartsWith("get_", StringComparison.Ordinal)).Distinct();

    static IEnumerable<string> Missing(IEnumerable<string> names, params string[] pages)
    {
        string text = string.Join('\n', pages.Select(Page));
        return names.Where(n => !Regex.IsMatch(text, $@"\b{Regex.Escape(n)}\b"));
    }

    [Test]
    public void EveryCallbackIsTold() => Assert.That(Missing(Kinds<Callback>(), "docs/training.md", "docs/plots.md"), Is.Empty);

    [Test]
    public void EveryLossMetricOptimizerAndScheduleIsTold()
    {
        string[] made = [.. Made<Metric>(typeof(Metrics)), .. Made<ISchedule>(typeof(Schedules))];
        var metrics = Kinds<Metric>().Where(k => !made.Any(m => k.StartsWith(m, StringComparison.Ordinal))); // TopK makes a TopKAccuracy
        Assert.That(made, Has.Length.GreaterThan(10));
        Assert.That(Missing([.. Kinds<Loss>(), .. metrics, .. Kinds<Optimizer>(), .. made], "docs/training.md"), Is.Empty);
    }

    [Test]
    public void EveryTransformIsTold() => Assert.That(Missing(Kinds<Transform>(), "docs/transforms.md"), Is.Empty);

    [Test]
    public void EveryNetworkIsTold()
    {
        // `vgg11` ..., "with `_bn`"; `efficientnet_b0` to `efficientnet_b7`: the page shortens.
        var names = Architecture.Names.Select(n => n.StartsWith("efficientnet", StringComparison.Ordinal) ? "efficientnet_b0` to `efficientnet_b7" : Regex.Replace(n, "_bn$", "")).Distinct();
        Assert.That(names.Where(n => !Page("docs/weights.md").Contains($"`{n}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void EveryCommandIsTold()
    {
        using StringWriter help = new();
        Tool.Run(["--help"], help, help);
        string[] commands = [.. Regex.Matches(help.ToString().ReplaceLineEndings("\n").Split("Commands:\n")[1], @"^  (\S+)", RegexOptions.Multiline).Select(m => m.Groups[1].Value)];
        Assert.That(commands, Has.Length.GreaterThan(8));
        Assert.That(Missing(commands, "README.md"), Is.Empty);
    }

    [Test]
    public void NumbersOfTheReadmeAreCounted()
    {
        using var cases = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(TestData.Golden("ops/cases.json")));
        Assert.That(Page("README.md"), Does.Contain($"{cases.RootElement.GetProperty("cases").GetArrayLength()} recorded cases"));
    }
}
