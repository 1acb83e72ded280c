using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A recorded run: its data, model, learner, and a callback that notes what was recorded too.</summary>
sealed class GoldenRun : Callback
{
    readonly GoldenCase run;
    readonly IReadOnlyDictionary<string, TestArray> arrays;

    /// <param name="run">The entry of the index.</param>
    /// <param name="nearby">0 for the recorded start; else start weights that are changed at random by up to 10⁻⁶ of themselves.</param>
    public GoldenRun(GoldenCase run, int nearby = 0)
    {
        if (run.Folder.Length > 0 && !File.Exists(run.File($"{run.Id}.safetensors"))) Assert.Ignore(TestData.ReasonAbsent($"train/{run.Id}.safetensors", "TESSERA_GOLDEN"));
        (this.run, arrays) = (run, run.Arrays($"{run.Id}.safetensors"));
        Steps = RecordedSteps;
        int classes = Kind is "mlp" ? run["sizes"].Ints()[^1] : arrays.Where(a => a.Key is "start/fc.weight" or "start/1.6.weight").First().Value.Shape[0];
        Model = Kind switch
        {
            "mlp" => GoldenModels.Mlp(run["sizes"].Ints()),
            "tiny_resnet" => new GoldenModels.TinyResNet(run["width"].GetInt32(), classes),
            "lesson" => GoldenModels.Lesson(arrays["start/0.0.weight"].Shape[0], arrays["start/1.3.weight"].Shape[0], classes),
            string other => throw new NotSupportedException($"run kind {other}"),
        };
        Model.LoadStateDict(Named("start/"));
        if (nearby > 0) Model.LoadStateDict(Model.NamedParameters().ToDictionary(p => p.Name, p => p.Tensor.Detach() * Tensor.Uniform(p.Tensor.Shape, new Philox((ulong)nearby), 1 - 1e-6f, 1 + 1e-6f)), strict: false);
        int batch = run["batch"].GetInt32();
        var valid = arrays.ContainsKey("valid_y") ? new DataLoader(Items("valid_x_u8", "valid_y"), batch, workers: 0) : null;
        Data = new DataBunch(new DataLoader(Items("x_u8", "y"), batch, dropLast: true, workers: 1), valid);
        Learner = new Learner(Data, Model, new CrossEntropyLoss(), Metrics.ErrorRate) { Display = null };
        if (Kind is not "lesson") Learner.OptimizerFactory = Optimizer;
        else Learner.Split(((Sequential)((Sequential)Model)[0])[6], ((Sequential)Model)[1]).Freeze();
        Learner.Callbacks.Add(this);
    }

    public string Kind => run["kind"].GetString()!;

    public int RecordedSteps => run["steps"].GetInt32();

    /// <summary>How many of the recorded steps <see cref="Train"/> makes.</summary>
    public int Steps { get; set; }

    public bool IsWhole => Steps == RecordedSteps;

    /// <summary>How many early steps have recorded losses that rounding had not moved yet.</summary>
    public int StrictSteps => this["loss_tolerance"].TakeWhile(t => t <= 2 * this["loss_tolerance"][0]).Count();

    public Module Model { get; }

    public DataBunch Data { get; }

    public Learner Learner { get; }

    /// <summary>Losses, smoothed losses, momenta, and per layer group rates and gradient norms: one a step.</summary>
    public List<double> Losses { get; } = [];

    public List<double> Smoothed { get; } = [];

    public List<double> Momenta { get; } = [];

    public List<double[]> Lrs { get; } = [];

    public List<double[]> GradNorms { get; } = [];

    public List<(double Loss, double Error)> Validation { get; } = [];

    public Dictionary<string, float[]> FirstGradients { get; } = [];

    public Dictionary<string, float[]> FirstStatistics { get; } = [];

    public double[] this[string key] => arrays[key].Doubles();

    public bool Has(string key) => arrays.ContainsKey(key);

    /// <summary>Of recorded numbers, the same count for each step, those of the steps that are made.</summary>
    public double[] OfSteps(string key) => this[key][..(this[key].Length / RecordedSteps * Steps)];

    /// <summary>The arrays whose key begins with a prefix, by the rest of their key.</summary>
    public IEnumerable<(string Name, double[] Values)> Arrays(string prefix) =>
        arrays.Where(a => a.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(a => (a.Key[prefix.Length..], a.Value.Doubles()));

    /// <summary>The training as it was recorded, up to the last of the steps; <paramref name="afterFit"/> sees the number of each fit call that was made whole.</summary>
    public GoldenRun Train(Action<int>? afterFit = null)
    {
        if (Kind is "lesson")
        {
            foreach (var (i, fit) in Fits().Index())
            {
                fit(Learner);
                if (!IsWhole && Losses.Count == Steps) break;
                afterFit?.Invoke(i);
            }
            return this;
        }
        int epochs = (Steps + Data.Train.BatchCount - 1) / Data.Train.BatchCount;
        Learner.Fit(epochs, LearningRate.Same(Argument("lr")), wd: Argument("weight_decay"));
        return this;
    }

    /// <summary>A tensor of the model's state as it is now.</summary>
    public double[] State(string name)
    {
        var t = Model.StateDict()[name];
        return t.DType == DType.Int64 ? Array.ConvertAll(t.ToArray<long>(), x => (double)x) : Array.ConvertAll(t.ToArray<float>(), x => (double)x);
    }

    /// <summary>What the model in evaluation mode gives for the validation items, or where there are none the first batch.</summary>
    public double[] EvaluationLogits()
    {
        using var noGrad = Autograd.NoGrad();
        Model.Eval();
        var x = Has("valid_x_u8") ? Pixels("valid_x_u8") : Pixels("x_u8").Narrow(0, 0, run["batch"].GetInt32());
        return Array.ConvertAll(Model.Forward(x).ToArray<float>(), y => (double)y);
    }

    /// <summary>lr and weight decay of a plain run's optimizer.</summary>
    public double Argument(string name) => double.Parse(Regex.Match(run["optimizer"].GetString()!, $"'{name}': ([0-9.e-]+)").Groups[1].Value, CultureInfo.InvariantCulture);

    public override void BatchBegin(TrainingState s)
    {
        if (!s.IsTraining) return;
        var groups = s.Learner.Optimizer!.Groups;
        Lrs.Add([.. groups.Where((_, i) => i % 2 == 0).Select(g => g.Lr)]);
        Momenta.Add(groups[^1].Momentum);
    }

    public override void BackwardEnd(TrainingState s)
    {
        Losses.Add(s.LossValue);
        Smoothed.Add(s.SmoothedLoss);
        GradNorms.Add([.. s.Learner.LayerGroups.Select(g => Gradients.Norm(g.Parameters))]);
        if (Losses.Count > 1) return;
        foreach (var (name, p) in Model.NamedParameters()) FirstGradients[name] = p.Grad?.ToArray<float>() ?? new float[p.Count];
    }

    public override void StepEnd(TrainingState s)
    {
        if (Losses.Count > 1) return;
        foreach (var (name, b) in Model.NamedBuffers())
            if (b.DType == DType.Float32) FirstStatistics[name] = b.ToArray<float>();
    }

    public override void BatchEnd(TrainingState s)
    {
        // A lesson's whole run ends with a validation.
        if (s.IsTraining && Losses.Count == Steps && !(IsWhole && Kind is "lesson")) s.StopEpoch = s.StopTraining = true;
    }

    public override void EpochEnd(TrainingState s)
    {
        if (s.ValidLoss is { } loss) Validation.Add((loss, s.MetricValues![0]));
    }

    /// <summary>The fit calls of a lesson run, each with the freezing that stands before it.</summary>
    IEnumerable<Action<Learner>> Fits()
    {
        Action<Learner> before = _ => { };
        foreach (var call in run["phases"].EnumerateArray())
        {
            JsonElement[] args = [.. call.GetProperty("args").EnumerateArray()];
            var first = before;
            switch (call.GetProperty("call").GetString())
            {
                case "unfreeze": before += l => l.Unfreeze(); break;
                case "freeze": before += l => l.Freeze(); break;
                case "fit": yield return first + (l => l.Fit(args[0].GetInt32(), Lr(args))); before = _ => { }; break;
                case "fit_one_cycle": yield return first + (l => l.FitOneCycle(args[0].GetInt32(), Lr(args))); before = _ => { }; break;
                case var other: throw new NotSupportedException($"call {other}");
            }
        }
    }

    static LearningRate? Lr(JsonElement[] args)
    {
        if (args.Length < 2) return null;
        if (args[1].ValueKind == JsonValueKind.Number) return args[1].GetDouble();
        JsonElement[] ends = [.. args[1].GetProperty("slice").EnumerateArray()];
        return ends[0].ValueKind == JsonValueKind.Null ? new LearningRate(ends[1].GetDouble()) : new LearningRate(ends[0].GetDouble(), ends[1].GetDouble());
    }

    Optimizer Optimizer(IReadOnlyList<ParameterGroup> groups)
    {
        string text = run["optimizer"].GetString()!;
        if (text.StartsWith("AdamW", StringComparison.Ordinal)) return new AdamW(groups, beta2: 0.999);
        foreach (var g in groups) g.Momentum = Argument("momentum");
        return new Sgd(groups, nesterov: text.Contains("'nesterov': True", StringComparison.Ordinal));
    }

    Dictionary<string, Tensor> Named(string prefix) => arrays.Where(a => a.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(
        a => a.Key[prefix.Length..],
        a => a.Value.DType is "I64" ? Tensor.From(a.Value.Longs(), a.Value.Shape) : Tensor.From(a.Value.Floats(), a.Value.Shape), StringComparer.Ordinal);

    TensorDataset Items(string x, string y) => new(Pixels(x), Tensor.From(arrays[y].Longs(), [arrays[y].Length]));

    /// <summary>x/255, for photos normalised with ImageNet's mean and deviation.</summary>
    Tensor Pixels(string key)
    {
        var x = Tensor.From(arrays[key].Floats(), arrays[key].Shape) * (1 / 255f);
        if (Kind is "mlp") return x.Flatten(1);
        return (x - Tensor.From([0.485f, 0.456f, 0.406f], [1, 3, 1, 1])) / Tensor.From([0.229f, 0.224f, 0.225f], [1, 3, 1, 1]);
    }
}
