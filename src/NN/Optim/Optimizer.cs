using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Changes parameters along their gradients. Parameters without a gradient, and frozen ones, are left alone and have no state. Weight decay
/// is decoupled, w ← w·(1 - lr·wd) before the step, or an L2 term of the loss, g ← g + wd·w.
/// </summary>
public abstract class Optimizer
{
    readonly Dictionary<Tensor, Moments> moments = [];
    readonly List<ParameterStep> steps = [];

    /// <summary>An optimizer over groups of parameters.</summary>
    /// <param name="groups">The groups; they carry learning rate, momentum and weight decay.</param>
    /// <param name="decoupledDecay">How weight decay acts; see <see cref="DecoupledDecay"/>.</param>
    /// <exception cref="TesseraException">A parameter is in two groups.</exception>
    protected Optimizer(IEnumerable<ParameterGroup> groups, bool decoupledDecay)
    {
        Groups = [.. groups];
        DecoupledDecay = decoupledDecay;
        HashSet<Tensor> seen = [];
        foreach (var group in Groups)
            foreach (var p in group.Parameters)
                if (!seen.Add(p))
                    throw new TesseraException(
                        $"{GetType().Name}: a parameter is in two groups: got one of shape {p.Shape} again in group \"{group.Name}\", expected each once. "
                            + "Hint: give every parameter to one group.");
    }

    /// <summary>The groups of parameters; schedules set their learning rate and momentum.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>True: w ← w·(1 - lr·wd) before the step ("true" weight decay). False: g ← g + wd·w.</summary>
    public bool DecoupledDecay { get; }

    /// <summary>Its kind and settings, such as <c>Adam (betas 0.9 and 0.99, eps 1E-08)</c>.</summary>
    public override string ToString() => Settings.Length > 0 ? $"{GetType().Name} ({Settings})" : GetType().Name;

    /// <summary>What <see cref="ToString"/> says beside the kind.</summary>
    protected virtual string Settings => "";

    /// <summary>What makes an optimizer like this one again.</summary>
    internal OptimizerSettings Describe()
    {
        string kind = GetType().Assembly == typeof(Optimizer).Assembly ? GetType().Name : GetType().FullName ?? "";
        return Constants(new OptimizerSettings(kind, DecoupledDecay, [.. Groups.Select(g => new GroupSettings(g.Lr, g.Momentum, g.WeightDecay))]));
    }

    /// <summary>The same settings with the constants of its formula.</summary>
    private protected virtual OptimizerSettings Constants(OptimizerSettings settings) => settings;

    /// <summary>The momentum (Adam's β₁) of the last group, 0.9 where there is none.</summary>
    private protected double Momentum => Groups.Count > 0 ? Groups[^1].Momentum : 0.9;

    /// <summary>One step of every parameter that has a gradient.</summary>
    public void Step()
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        steps.Clear();
        foreach (var group in Groups)
        {
            foreach (var w in group.Parameters)
            {
                if (!w.RequiresGrad || w.Grad is not { } g) continue;
                if (!moments.TryGetValue(w, out var m)) moments.Add(w, m = new Moments(StateNames.Count));
                m.Steps++;
                steps.Add(new ParameterStep(w, g.Contiguous(), m, Options(group, m.Steps)));
            }
        }
        Update(steps);
        foreach (var step in steps) step.W.View.Storage.Touch();
        steps.Clear();
    }

    /// <summary>Whether its step is one of the backend's, whose numbers recorded work can take anew; see <see cref="TrainingGraph"/>.</summary>
    internal virtual bool CanRecord => false;

    /// <summary>The steps that were only recorded did not happen.</summary>
    internal void TakeBackStep()
    {
        foreach (var group in Groups)
            foreach (var w in group.Parameters)
                if (w.RequiresGrad && w.Grad is not null && moments.TryGetValue(w, out var m)) m.Steps--;
    }

    /// <summary>Forgets all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var group in Groups)
            foreach (var p in group.Parameters) p.ZeroGrad();
    }

    /// <summary>
    /// The state for a checkpoint: <c>G.lr_momentum_decay</c> of each group G (the bits of three doubles), and <c>G.P.step</c> and the moments of each parameter P that was
    /// ever stepped. The moments are the tensors themselves, not copies.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> State()
    {
        OrderedDictionary<string, Tensor> state = new(StringComparer.Ordinal);
        foreach (var (g, group) in Groups.Index())
        {
            state[GroupKey(g)] = Tensor.From([.. new[] { group.Lr, group.Momentum, group.WeightDecay }.Select(BitConverter.DoubleToInt64Bits)], [3]);
            foreach (var (p, w) in group.Parameters.Index())
            {
                if (!moments.TryGetValue(w, out var m)) continue;
                state[Key(g, p, "step")] = Tensor.From([m.Steps], []);
                foreach (var (i, name) in StateNames.Index())
                    if (m[i] is { } tensor) state[Key(g, p, name)] = tensor;
            }
        }
        return state;
    }

    /// <summary>Takes over what <see cref="State"/> gave, copied. Either all or, after an error, nothing.</summary>
    /// <exception cref="TesseraException">The state is of other groups, parameters or another kind of optimizer.</exception>
    public void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Dictionary<Tensor, Moments> loaded = [];
        HashSet<string> known = new(StringComparer.Ordinal);
        foreach (var (g, group) in Groups.Index())
        {
            known.Add(GroupKey(g));
            Expect(state, GroupKey(g), [3]);
            foreach (var (p, w) in group.Parameters.Index())
                if (Read(state, g, p, w, known) is { } m) loaded.Add(w, m);
        }
        if (state.Keys.FirstOrDefault(k => !known.Contains(k)) is { } other)
            throw new TesseraException(
                $"{GetType().Name}.LoadState: unexpected entry: got {other}, expected the state of {Groups.Count} groups. "
                    + "Hint: the state belongs to other groups or another optimizer.");

        foreach (var m in moments.Values) m.Dispose();
        moments.Clear();
        foreach (var (w, m) in loaded) moments.Add(w, m);
        foreach (var (g, group) in Groups.Index())
        {
            double[] values = [.. state[GroupKey(g)].ToArray<long>().Select(BitConverter.Int64BitsToDouble)];
            (group.Lr, group.Momentum, group.WeightDecay) = (values[0], values[1], values[2]);
        }
    }

    /// <summary>Names of the moments in the state, in the order of their slots.</summary>
    protected abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>One step of these parameters, each once; runs without recording, in a scope of its own.</summary>
    protected abstract void Update(IReadOnlyList<ParameterStep> steps);

    StepOptions Options(ParameterGroup group, long step) => new(
        Lr: (float)group.Lr, Momentum: group.Momentum,
        Decay: DecoupledDecay ? (float)group.WeightDecay : 0, L2: DecoupledDecay ? 0 : (float)group.WeightDecay,
        First: step == 1);

    Moments? Read(IReadOnlyDictionary<string, Tensor> state, int g, int p, Tensor w, HashSet<string> known)
    {
        if (!state.TryGetValue(Key(g, p, "step"), out var steps)) return null;
        known.Add(Key(g, p, "step"));
        Moments m = new(StateNames.Count) { Steps = steps.ToArray<long>()[0] };
        foreach (var (i, name) in StateNames.Index())
        {
            string key = Key(g, p, name);
            if (!state.ContainsKey(key)) continue;
            known.Add(key);
            m.Zero(i, w).CopyFrom(Expect(state, key, w.Shape));
        }
        return m;
    }

    Tensor Expect(IReadOnlyDictionary<string, Tensor> state, string key, Shape shape)
    {
        if (!state.TryGetValue(key, out var tensor))
            throw new TesseraException($"{GetType().Name}.LoadState: missing entry: got {state.Count} entries, expected {key}. Hint: the state belongs to other groups or another optimizer.");
        if (tensor.Shape != shape)
            throw new TesseraException($"{GetType().Name}.LoadState: shape of {key}: got {tensor.Shape}, expected {shape}. Hint: the state belongs to another model.");
        return tensor;
    }

    static string GroupKey(int group) => string.Create(CultureInfo.InvariantCulture, $"{group}.lr_momentum_decay");

    static string Key(int group, int parameter, string name) => string.Create(CultureInfo.InvariantCulture, $"{group}.{parameter}.{name}");
}
