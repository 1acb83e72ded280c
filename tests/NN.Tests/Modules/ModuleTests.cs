using Tessera.NN;

namespace Tessera.Tests;

public class ModuleTests
{
    static Sequential Net() => new(new Conv2d(1, 2, 3, padding: 1, bias: false), new BatchNorm2d(2), new Relu(), new Sequential(new Flatten(), new Linear(8, 3)));

    [Test]
    public void StateDictHasPyTorchsNames() => Assert.That(Net().StateDict().Keys, Is.EqualTo([
        "0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked", "3.1.weight", "3.1.bias"]));

    [Test]
    public void ModulesAreNamedByTheirPath()
    {
        var net = Net();
        Assert.That(net.NamedModules().Select(m => m.Name), Is.EqualTo(["", "0", "1", "2", "3", "3.0", "3.1"]));
        Assert.That(net.NamedChildren().Select(m => m.Name), Is.EqualTo(["0", "1", "2", "3"]));
        Assert.That(net.NamedParameters().Select(p => p.Name), Is.EqualTo(["0.weight", "1.weight", "1.bias", "3.1.weight", "3.1.bias"]));
        Assert.That(net.NamedBuffers().Select(p => p.Name), Is.EqualTo(["1.running_mean", "1.running_var", "1.num_batches_tracked"]));
        Assert.That(net.Parameters(), Is.All.Matches<Tensor>(p => p!.RequiresGrad && p.IsLeaf));
    }

    [Test]
    public void PrintsLikePyTorch() => Assert.That(Net().ToString(), Is.EqualTo("""
        Sequential(
          (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
          (1): BatchNorm2d(2, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
          (2): Relu()
          (3): Sequential(
            (0): Flatten(start_dim=1, end_dim=-1)
            (1): Linear(in_features=8, out_features=3, bias=True)
          )
        )
        """.ReplaceLineEndings("\n")));

    [Test]
    public void ArgumentsPrintLikePyTorch()
    {
        Module[] modules = [
            new ConvTranspose2d(4, 6, (2, 3), 2, outputPadding: 1, groups: 2), new MaxPool2d(3, 2, 1), new AvgPool2d(2), new AdaptiveAvgPool2d((1, 2)),
            new Dropout(), new Embedding(5, 3, paddingIndex: 0), new LayerNorm([4, 5]), new LayerNorm([7]), new GroupNorm(2, 4), new LeakyRelu(), new Gelu(), new Softmax(1)];
        Assert.That(modules.Select(m => m.ToString()), Is.EqualTo([
            "ConvTranspose2d(4, 6, kernel_size=(2, 3), stride=(2, 2), output_padding=(1, 1), groups=2)",
            "MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)", "AvgPool2d(kernel_size=2, stride=2, padding=0)",
            "AdaptiveAvgPool2d(output_size=(1, 2))", "Dropout(p=0.5, inplace=False)", "Embedding(5, 3, padding_idx=0)",
            "LayerNorm((4, 5), eps=1e-05, elementwise_affine=True)", "LayerNorm((7,), eps=1e-05, elementwise_affine=True)",
            "GroupNorm(2, 4, eps=1e-05, affine=True)", "LeakyRelu(negative_slope=0.01)", "Gelu(approximate='none')", "Softmax(dim=1)"]));
    }

    [Test]
    public void LoadingCopies()
    {
        var (a, b) = (Net(), Net());
        b.LoadStateDict(a.StateDict());
        Assert.That(Values(b), Is.EqualTo(Values(a)));
        a.Parameters().First().CopyFrom(Tensor.Scalar(0));
        Assert.That(Values(b), Is.Not.EqualTo(Values(a)));
    }

    [Test]
    public void OneErrorNamesAllThatDoesNotFitAndNothingIsCopied()
    {
        var net = Net();
        float[] before = Values(net);
        Dictionary<string, Tensor> state = new(Net().StateDict()) { ["extra"] = Tensor.Ones([1]), ["3.1.bias"] = Tensor.Ones([4]) };
        state.Remove("1.running_mean");
        state.Remove("0.weight");
        Assert.That(() => net.LoadStateDict(state), Throws.TypeOf<TesseraException>().With.Message.Contains("Missing: 0.weight, 1.running_mean.")
            .And.Message.Contains("Unexpected: extra.").And.Message.Contains("Other shape: 3.1.bias (got [4], expected [3])."));
        Assert.That(() => net.LoadStateDict(state, strict: false), Throws.TypeOf<TesseraException>().With.Message.Contains("Other shape"));
        Assert.That(Values(net), Is.EqualTo(before));

        state.Remove("3.1.bias");
        net.LoadStateDict(state, strict: false);
        Assert.That(Values(net), Is.Not.EqualTo(before));
    }

    [Test]
    public void BatchCountersMayBeAbsent()
    {
        var state = Net().StateDict().Where(t => !t.Key.EndsWith("num_batches_tracked")).ToDictionary();
        Assert.That(() => Net().LoadStateDict(state), Throws.Nothing);
    }

    [Test]
    public void StatesAreCast()
    {
        Linear linear = new(2, 1, bias: false);
        linear.LoadStateDict(new Dictionary<string, Tensor> { ["weight"] = Tensor.From([(Half)0.5, (Half)2], [1, 2]) });
        Assert.That(linear.Weight.ToArray<float>(), Is.EqualTo(new[] { 0.5f, 2 }));
        Assert.That(linear.Weight.DType, Is.EqualTo(DType.Float32));
    }

    [Test]
    public void ModeReachesAllModules()
    {
        var net = Net();
        Assert.That(net.Eval(), Is.SameAs(net));
        Assert.That(net.NamedModules().Select(m => m.Module.IsTraining), Is.All.False);
        net.Train();
        Assert.That(net.NamedModules().Select(m => m.Module.IsTraining), Is.All.True);
    }

    [Test]
    public void StateOutlivesTheScopeThatMadeIt()
    {
        Sequential net;
        using (Scope.Begin()) net = Net();
        Scope.Run(() => net.Forward(Tensor.Ones([2, 1, 2, 2])).Sum().Backward());
        Assert.That(net.StateDict().Values, Is.All.Matches<Tensor>(t => !t!.IsReleased));
        Assert.That(net.Parameters().Select(p => p.Grad), Is.All.Not.Null);
        net.ZeroGrad();
        Assert.That(net.Parameters().Select(p => p.Grad), Is.All.Null);
    }

    [Test]
    public void ASharedModuleHasItsParametersOnceAndItsStateTwice()
    {
        Linear shared = new(2, 2);
        Sequential net = new(shared, new Relu(), shared);
        Assert.That(net.Parameters().Count(), Is.EqualTo(2));
        Assert.That(net.StateDict().Keys, Is.EqualTo(["0.weight", "0.bias", "2.weight", "2.bias"]));
    }

    [Test]
    public void NamesAreGivenOnce()
    {
        Assert.That(() => new Twice(), Throws.TypeOf<TesseraException>().With.Message.StartsWith("Twice: registered twice: got \"a\", expected a new name."));
        Assert.That(() => new Computed(), Throws.TypeOf<TesseraException>().With.Message.Contains("not a leaf"));
    }

    static float[] Values(Module m) => [.. m.StateDict().Values.SelectMany(t => t.To(DType.Float32).ToArray<float>())];

    sealed class Twice : Module
    {
        public Twice()
        {
            Register("a", new Relu());
            RegisterBuffer("a", Tensor.Ones([1]));
        }

        public override Tensor Forward(Tensor x) => x;
    }

    sealed class Computed : Module
    {
        public Computed()
        {
            var w = Tensor.Ones([1]);
            w.RequiresGrad = true;
            RegisterParameter("w", w * 2);
        }

        public override Tensor Forward(Tensor x) => x;
    }
}
