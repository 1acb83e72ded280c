using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class LossTests
{
    static IEnumerable<TestCaseData> Recorded() => GoldenCase.All("ops/cases.json",
        where: c => c["op"].GetString() is "cross_entropy" or "cross_entropy_soft" or "mse_loss" or "l1_loss" or "bce_with_logits" && Expressible(c));

    /// <summary>The losses of this library give the mean or the loss per item; sums, ignored classes and weights an element are arguments of the tensor operations only.</summary>
    static bool Expressible(GoldenCase c)
    {
        string reduction = Reduction(c);
        bool ignores = c["attrs"].TryGetProperty("ignore_index", out var i) && i.GetInt32() != -100;
        bool weighs = c["inputs"].TryGetProperty("weight", out _);
        bool perItem = reduction == "none" && c["op"].GetString() == "cross_entropy" && c["inputs"].TryGetProperty("logits", out _);
        return !ignores && (reduction == "mean" || perItem) && (c["op"].GetString() != "bce_with_logits" || !weighs);
    }

    static string Reduction(GoldenCase c) => c["attrs"].TryGetProperty("reduction", out var r) ? r.GetString()! : "mean";

    [Category("Golden")]
    [TestCaseSource(nameof(Recorded))]
    public void AreAsRecorded(GoldenCase c)
    {
        var arrays = c.Arrays(c["family"].GetString() + ".safetensors");
        TestArray? In(string name) => c["inputs"].TryGetProperty(name, out var key) ? arrays[key.GetString()!] : null;
        double smoothing = c["attrs"].TryGetProperty("label_smoothing", out var s) ? s.GetDouble() : 0;
        var (x, y) = ((In("logits") ?? In("x"))!.ToParameter(), In("target")!.ToTensor());
        Loss loss = c["op"].GetString() switch
        {
            "mse_loss" => new MseLoss(),
            "l1_loss" => new L1Loss(),
            "bce_with_logits" => new BceWithLogitsLoss(In("pos_weight")?.ToTensor()),
            _ => new CrossEntropyLoss(In("weight")?.ToTensor(), smoothing),
        };
        var (expected, rtol, atol) = (arrays[c["outputs"].GetProperty("y").GetString()!], c["rtol"].GetDouble(), c["atol"].GetDouble());
        var actual = Reduction(c) == "mean" ? loss.Forward(x, y) : loss.PerItem(x, y);
        Tests.Recorded.Near(actual, expected, rtol, atol, "loss");
        if (!c["grad_outputs"].TryGetProperty("y", out var gy)) return;
        actual.Backward(arrays[gy.GetString()!].ToTensor());
        Tests.Recorded.Near(x.Grad, arrays[c["grads"].EnumerateObject().First().Value.GetString()!], rtol, atol, "gradient");
    }

    [Test]
    public void LabelSmoothingIsAMixtureOfCrossEntropyAndTheMeanOverClasses()
    {
        var (x, y) = (Tensor.Normal([6, 4], new Philox(3), std: 2), Tensor.From([0L, 3, 1, 2, 2, 0], [6]));
        float ce = new CrossEntropyLoss().Forward(x, y).Item(), spread = -x.LogSoftmax(1).Mean().Item();
        Assert.That(new LabelSmoothingCrossEntropy(0.1).Forward(x, y).Item(), Is.EqualTo((0.9f * ce) + (0.1f * spread)).Within(1e-6f));
        Assert.That(new CrossEntropyLoss(labelSmoothing: 0.1).Forward(x, y).Item(), Is.EqualTo((0.9f * ce) + (0.1f * spread)).Within(1e-6f));
    }

    [Test]
    public void TheMeanIsTheMeanOfTheItems()
    {
        var x = Tensor.Normal([5, 3], new Philox(1));
        var (classes, values) = (Tensor.From([0L, 1, 2, 1, 0], [5]), Tensor.Uniform([5, 3], new Philox(2)));
        foreach (var (loss, y) in new (Loss, Tensor)[] { (new CrossEntropyLoss(), classes), (new LabelSmoothingCrossEntropy(), classes), (new MseLoss(), values), (new L1Loss(), values), (new BceWithLogitsLoss(), values) })
        {
            var items = loss.PerItem(x, y);
            Assert.That(items.Shape, Is.EqualTo(new Shape(5)), loss.Name);
            Assert.That(items.Mean().Item(), Is.EqualTo(loss.Forward(x, y).Item()).Within(1e-6f), loss.Name);
        }
    }

    [Test]
    public void CrossEntropyIsMinusTheLogOfTheShownProbability()
    {
        CrossEntropyLoss loss = new();
        var (x, y) = (Tensor.Normal([4, 3], new Philox(9)), Tensor.From([2L, 0, 1, 1], [4]));
        float[] p = loss.Activation(x).ToArray<float>(), l = loss.PerItem(x, y).ToArray<float>();
        long[] target = y.ToArray<long>();
        for (int i = 0; i < 4; i++) Assert.That(MathF.Exp(-l[i]), Is.EqualTo(p[(i * 3) + target[i]]).Within(1e-6f));
    }

    [Test]
    public void AFunctionIsALoss()
    {
        Loss loss = (Func<Tensor, Tensor, Tensor>)((x, y) => (x - y).Abs().Sum());
        Assert.That(loss.Forward(Tensor.From(1f, 5), Tensor.From(2f, 2)).Item(), Is.EqualTo(4));
        Assert.That(() => loss.PerItem(Tensor.Ones([2]), Tensor.Ones([2])), Throws.TypeOf<TesseraException>());
    }

    [Test]
    public void ShapesThatWouldBroadcastAreRefused() =>
        Assert.That(() => new MseLoss().Forward(Tensor.Ones([4, 1]), Tensor.Ones([4])), Throws.TypeOf<ShapeException>().With.Message.StartsWith("MseLoss: shapes differ: got output [4, 1] and target [4]"));
}
