namespace Tessera;

/// <summary>Which of the values that NVIDIA documents as possible an approximate instruction gives: a result that stays the same for all leans on none.</summary>
public enum PtxApproximation
{
    /// <summary>The value nearest to the exact one.</summary>
    Nearest,

    /// <summary>The lowest value inside the documented error.</summary>
    Low,

    /// <summary>The highest value inside the documented error.</summary>
    High,
}

/// <summary>What becomes of a product and a sum of it that are not marked with a rounding: a driver's compiler fuses what it can.</summary>
public enum PtxContraction
{
    /// <summary>Two operations, each rounded, as the text says.</summary>
    Separate,

    /// <summary>One operation, rounded once, wherever both stand in one straight run of code.</summary>
    Fused,
}
