using System.Text.Json;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>The transform chain against recorded results of the reference library, parameters fixed.</summary>
[Category("Golden")]
public sealed class AugmentGoldenTests
{
    private const string Index = "augment/cases.json";

    private static IEnumerable<TestCaseData> Cases() => GoldenCase.All(Index);

    [TestCaseSource(nameof(Cases))]
    public void Pixels(GoldenCase c)
    {
        var expected = c.Arrays("cases.safetensors")[c["y"].GetString()!];
        var (actual, height, width) = Pipeline(c, Transforms(c)).Apply(Picture(c));
        Assert.That(new[] { 3, height, width }, Is.EqualTo(expected.Shape));

        var index = GoldenCase.Index(Index);
        var d = actual.Zip(expected.Floats(), (a, b) => Math.Abs(a - b)).ToArray();
        var allowed = HasTies(c) ? d.Length / 100 : 0;
        Assert.That(d.Count(x => x > index.GetProperty("atol").GetDouble()), Is.LessThanOrEqualTo(allowed), $"worst {d.Max()}");
        if (allowed == 0)
            Assert.That(d.Average(), Is.LessThanOrEqualTo(index.GetProperty("mean_abs").GetDouble()));
    }

    [TestCaseSource(nameof(Cases))]
    public void HwcHoldsTheSameNumbers(GoldenCase c)
    {
        var pipeline = Pipeline(c, Transforms(c));
        var (chw, h, w) = pipeline.Apply(Picture(c));
        var hwc = new float[chw.Length];
        pipeline.Apply(Picture(c), ItemRandom.Fixed, hwc, PixelLayout.Hwc);
        Assert.That(hwc, Is.EqualTo(Enumerable.Range(0, hwc.Length).Select(i => chw[i % 3 * h * w + i / 3])));
    }

    private static IEnumerable<TestCaseData> WithGrid() => GoldenCase.All(Index, "cases", c => c.Maybe("grid") is not null);

    [TestCaseSource(nameof(WithGrid))]
    public void SamplingPoints(GoldenCase c)
    {
        var expected = c.Arrays("cases.safetensors")[c["grid"].GetString()!];
        using var canvas = Pipeline(c, [.. Transforms(c).Where(t => t.Order < TransformOrder.Lighting)]).Draw(Picture(c), ItemRandom.Fixed, crop: false);
        var grid = canvas.Grid();
        Assert.That(new[] { grid.Height, grid.Width, 2 }, Is.EqualTo(expected.Shape.TakeLast(3)));
        var points = from i in Enumerable.Range(0, grid.Height) from j in Enumerable.Range(0, grid.Width) select grid.Point(i, j);
        Assert.That(points.SelectMany(p => new[] { p.X, p.Y }), Is.EqualTo(expected.Doubles()).Within(3e-6));
    }

    [TestCaseSource(nameof(WithMatrices))]
    public void Matrices(GoldenCase c)
    {
        var transforms = Transforms(c);
        foreach (var m in c["matrices"].EnumerateArray())
        {
            var name = m.GetProperty("transform").GetString()!;
            var transform = transforms[c["transforms"].EnumerateArray().ToList().FindIndex(t => t.GetProperty("name").GetString() == name)];
            using var canvas = new Canvas(new Image(7, 7, new byte[147])); // square: no aspect correction
            var before = canvas.Grid().Point(0, 0);
            transform.Apply(canvas, ItemRandom.Fixed);
            var expected = m.TryGetProperty("homography_abcdefgh", out var h) ? Matrix(h.Numbers()) : Matrix(m.GetProperty("matrix_before_aspect_correction"));
            Assert.That(before, Is.EqualTo((-1.0, -1.0)));
            for (var i = 0; i < 49; i++)
            {
                var (x, y) = expected.Map(i % 7 / 3.0 - 1, i / 7 / 3.0 - 1);
                var actual = canvas.Grid().Point(i / 7, i % 7);
                Assert.That(actual.X, Is.EqualTo(x).Within(2e-6));
                Assert.That(actual.Y, Is.EqualTo(y).Within(2e-6));
            }
        }
    }

    private static IEnumerable<TestCaseData> WithMatrices() => GoldenCase.All(Index, "cases", c => c["matrices"].GetArrayLength() > 0);

    private static IEnumerable<TestCaseData> WithShrink() => GoldenCase.All(Index, "cases", c => c.Maybe("shrunk_hw") is not null);

    [TestCaseSource(nameof(WithShrink))]
    public void ShrinkSize(GoldenCase c)
    {
        using var canvas = Pipeline(c, Transforms(c)).Draw(Picture(c), ItemRandom.Fixed, crop: false);
        Assert.That(canvas.ShrunkSize(), Is.EqualTo((c["shrunk_hw"][0].GetInt32(), c["shrunk_hw"][1].GetInt32())));
    }

    [Test]
    public void Levels()
    {
        var golden = SafetensorsReader.Read(TestData.Golden("augment/lighting_levels.safetensors"));
        var x = golden["x"].Floats();
        Assert.That(x.Select(Lighting.Logit), Is.EqualTo(golden["logit"].Floats()).Within(2e-5));
        AssertLit("round_trip", 1, 0);
        AssertLit("brightness_0.4", 1, Math.Log(0.4 / 0.6));
        AssertLit("brightness_0.6", 1, Math.Log(0.6 / 0.4));
        AssertLit("contrast_0.8", 0.8, 0);
        AssertLit("contrast_1.25", 1.25, 0);

        void AssertLit(string key, double scale, double shift)
        {
            var y = x.ToArray();
            Lighting.Apply(y, (float)scale, (float)shift);
            Assert.That(y, Is.EqualTo(golden[key].Floats()).Within(2e-6), key);
        }
    }

    private static bool HasTies(GoldenCase c) => c["mode"].GetString() == "nearest"
        || c["transforms"].EnumerateArray().Any(t => t.GetProperty("name").GetString() == "rotate" && t.GetProperty("degrees").GetDouble() % 90 == 0);

    private static Image Picture(GoldenCase c) => Image.Load(c.File(c["image"].GetString() + ".png"));

    private static Matrix3 Matrix(double[] h) => new(h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);

    private static Matrix3 Matrix(JsonElement rows)
    {
        double At(int i, int j) => rows[i][j].GetDouble();
        return new(At(0, 0), At(0, 1), At(0, 2), At(1, 0), At(1, 1), At(1, 2));
    }

    private static TransformPipeline Pipeline(GoldenCase c, IReadOnlyList<Transform> transforms)
    {
        ImageSize? size = c.Maybe("size") is not { } s ? null : s.ValueKind == JsonValueKind.Array ? (s[0].GetInt32(), s[1].GetInt32()) : s.GetInt32();
        ResizeMethod? method = c.Maybe("resize_method")?.GetString() switch
        {
            null => null,
            "NO" => ResizeMethod.None,
            var name => Enum.Parse<ResizeMethod>(name, ignoreCase: true),
        };
        return new(transforms, size, method, Padding(c["padding_mode"]), Enum.Parse<InterpolationMode>(c["mode"].GetString()!, ignoreCase: true));
    }

    private static PaddingMode Padding(JsonElement name) => Enum.Parse<PaddingMode>(name.GetString()!, ignoreCase: true);

    private static Transform[] Transforms(GoldenCase c) => [.. c["transforms"].EnumerateArray().Select(Transform)];

    private static Transform Transform(JsonElement t)
    {
        double Number(string name, double missing) => t.TryGetProperty(name, out var v) ? v.GetDouble() : missing;
        int Int(string name) => t.GetProperty(name).GetInt32();
        var (scale, row, col) = (t.TryGetProperty("scale", out var s) && s.ValueKind == JsonValueKind.Number ? s.GetDouble() : 1, Number("row_pct", 0.5), Number("col_pct", 0.5));
        return t.GetProperty("name").GetString() switch
        {
            "flip_lr" => new FlipLeftRight(),
            "dihedral" => new Dihedral { K = Int("k") },
            "dihedral_affine" => new DihedralAffine { K = Int("k") },
            "rotate" => new Rotate(Number("degrees", 0)),
            "zoom" => new Zoom(scale) { RowPct = row, ColPct = col },
            "squish" => new Squish(scale) { RowPct = row, ColPct = col },
            "symmetric_warp" when t.GetProperty("magnitude").Numbers() is var m => new SymmetricWarp(m[0], m[1], m[2], m[3]),
            "tilt" => new Tilt(Number("magnitude", 0)) { Direction = Int("direction") },
            "skew" => new Skew(Number("magnitude", 0)) { Direction = Int("direction") },
            "brightness" => new Brightness(Number("change", 0.5)),
            "contrast" => new Contrast(scale),
            "crop_pad" => new CropPad { RowPct = row, ColPct = col },
            "pad" => new Pad(Int("padding"), Padding(t.GetProperty("mode"))),
            "crop" => new Crop(Int("size")) { RowPct = row, ColPct = col },
            "zoom_squish" => new ZoomSquish([.. Tries(t)]) { RowPct = row, ColPct = col },
            var other => throw new NotSupportedException($"transform {other}"),
        };
    }

    private static IEnumerable<ZoomSquishTry> Tries(JsonElement t)
    {
        var (scale, squish) = (t.GetProperty("scale").Numbers(), t.GetProperty("squish").Numbers());
        return t.GetProperty("invert").EnumerateArray().Select((invert, i) => new ZoomSquishTry(scale[i], squish[i], invert.GetBoolean() ? 1 : 0));
    }
}
