namespace Tessera.NN;

/// <summary>What makes an optimizer of this library again: its kind, the constants of its formula, and what its groups had last. Its moments are not part of it.</summary>
/// <param name="Kind">The name of its class.</param>
/// <param name="DecoupledDecay">How weight decay acts.</param>
/// <param name="Groups">The values of its groups; none where nothing was trained with it.</param>
internal sealed record OptimizerSettings(string Kind, bool DecoupledDecay, IReadOnlyList<GroupSettings> Groups)
{
    const int MostGroups = 2000;

    /// <summary>β₂ of Adam.</summary>
    public double Beta2 { get; init; }

    /// <summary>Weight of the past of RMSprop.</summary>
    public double Alpha { get; init; }

    /// <summary>ε of Adam and RMSprop.</summary>
    public float Eps { get; init; }

    /// <summary>RMSprop by standard deviations.</summary>
    public bool Centered { get; init; }

    /// <summary>SGD with Nesterov's momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Whether it is one of this library's.</summary>
    public bool IsKnown => Kind is nameof(Adam) or nameof(AdamW) or nameof(Sgd) or nameof(RmsProp);

    /// <summary>Nothing is missing, and the numbers are possible.</summary>
    public bool IsWhole() => Kind is not null && Groups is { Count: <= MostGroups } && Groups.All(g => g is not null && g.IsWhole())
        && Beta2 is >= 0 and < 1 && Alpha is >= 0 and <= 1 && Eps is >= 0 and < float.PositiveInfinity;

    /// <summary>An optimizer of this kind over groups; Adam where the kind is not known.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="decoupled">How weight decay acts; AdamW has its own.</param>
    public Optimizer Make(IReadOnlyList<ParameterGroup> groups, bool decoupled) => Kind switch
    {
        nameof(Sgd) => new Sgd(groups, Nesterov, decoupled),
        nameof(RmsProp) => new RmsProp(groups, Alpha, Eps, Centered, decoupled),
        nameof(AdamW) => new AdamW(groups, Beta2, Eps),
        _ => new Adam(groups, Beta2, Eps, decoupled),
    };
}

/// <summary>What a group of parameters had last.</summary>
/// <param name="Lr">Learning rate.</param>
/// <param name="Momentum">Momentum, or Adam's β₁.</param>
/// <param name="Wd">Weight decay.</param>
internal sealed record GroupSettings(double Lr, double Momentum, double Wd)
{
    /// <summary>The numbers are possible.</summary>
    public bool IsWhole() => double.IsFinite(Lr) && double.IsFinite(Momentum) && double.IsFinite(Wd);
}
