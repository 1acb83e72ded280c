using AngleSharp.Html.Parser;
using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests.Serving;

/// <summary>The server's page in a real browser.</summary>
public sealed class PageTests
{
    [Test]
    public async Task AChosenPhotoIsShownWithItsClassesAndItsHeatMap()
    {
        var learner = SmallModel.Create();
        var photo = SmallModel.Photos(learner, 1)[0];
        var server = await PhotoServer.Start(learner, "model", new ServingOptions { Port = 0 }, TextWriter.Null);
        using var folder = new TemporaryFolder();
        using var client = new HttpClient();
        string html = await client.GetStringAsync(server.Address);
        // A person's hand: the page itself, from a file, with a photo put into its input and a click once the classes are there.
        string hand = $$"""
            <script>
              const bytes = Uint8Array.from(atob("{{Convert.ToBase64String(photo.File)}}"), c => c.charCodeAt(0)), chosen = new DataTransfer();
              chosen.items.add(new File([bytes], "cat.jpg", { type: "image/jpeg" }));
              element("file").files = chosen.files;
              element("file").dispatchEvent(new Event("change"));
              new MutationObserver(() => { if (!element("result").hidden && element("heatmap").hidden) element("why").click(); }).observe(element("result"), { attributes: true });
            </script></body>
            """;
        string page = folder.File("page.html");
        await File.WriteAllTextAsync(page, html.Replace("<head>", $"<head><base href=\"{server.Address}\">").Replace("</body>", hand));
        string shown;
        try
        {
            shown = await Task.Run(() => Chromium.Open(new Uri(page).AbsoluteUri, "--disable-web-security", "--allow-file-access-from-files"));
        }
        finally
        {
            await server.Stop();
        }
        var document = new HtmlParser().ParseDocument(shown);
        var best = learner.Images.Classes.Zip(photo.Probabilities).OrderByDescending(p => p.Second).ToArray();
        Assert.That(document.QuerySelector("#message")!.TextContent, Is.Empty);
        Assert.That(document.QuerySelectorAll("#classes td.name").Select(c => c.TextContent), Is.EqualTo(best.Select(b => b.First)));
        Assert.That(document.QuerySelector("#classes td.number")!.TextContent, Is.EqualTo($"{100 * best[0].Second:F1} %"));
        Assert.That(document.QuerySelector("#heatmap")!.GetAttribute("src"), Does.StartWith("data:image/jpeg;base64,"));
    }

    /// <summary>A heat map, or an error, that comes after another photo was chosen is not that photo's.</summary>
    [TestCase("answer(true, { heatmap: 'data:image/jpeg;base64,late' })"), TestCase("answer(false, { error: 'late' })")]
    public void ALateAnswerIsDropped(string late)
    {
        using var folder = new TemporaryFolder();
        // The page with a server of its own: photos are answered at once, the heat map when the next photo is shown.
        string hand = $$"""
            <script>
              const answer = (ok, json) => ({ ok, json: async () => json });
              let come;
              fetch = url => url.includes("heatmap") ? new Promise(done => come = () => done({{late}})) : Promise.resolve(answer(true, { classes: [{ label: photo.name, probability: 1 }] }));
              (async () => {
                await show(new File([], "first.jpg"));
                const asked = element("why").onclick();
                const blocked = element("why").disabled;
                await show(new File([], "second.jpg"));
                come();
                await asked;
                document.title = `${blocked} ${element("why").disabled} ${element("heatmap").hidden}`;
              })();
            </script></body>
            """;
        string page = folder.File("page.html");
        File.WriteAllText(page, Page.Text("Serving.page.html").Replace("</body>", hand));
        var document = new HtmlParser().ParseDocument(Chromium.Open(new Uri(page).AbsoluteUri));
        Assert.That(document.Title, Is.EqualTo("true false true"));
        Assert.That(document.QuerySelector("#message")!.TextContent, Is.Empty);
        Assert.That(document.QuerySelector("#classes td.name")!.TextContent, Is.EqualTo("second.jpg"));
        Assert.That(document.QuerySelector("#heatmap")!.GetAttribute("src"), Is.Null);
    }
}
