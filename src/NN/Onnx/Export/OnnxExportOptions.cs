namespace Tessera.NN;

/// <summary>How <see cref="Module.ExportOnnx"/> writes a network.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>
    /// Folds batch norms into the convolutions before them: a smaller, faster file with the same results to rounding. Such a file is for inference: imported again,
    /// its batch norms no longer follow new images.
    /// </summary>
    public bool FoldBatchNorms { get; init; }

    /// <summary>Name of the graph's input.</summary>
    public string InputName { get; init; } = "input";

    /// <summary>Name of the graph's output.</summary>
    public string OutputName { get; init; } = "output";

    /// <summary>Element type of the input: Float32, or UInt8 for a network that casts its input.</summary>
    public DType InputType { get; init; } = DType.Float32;

    /// <summary>Free text by key, stored as the file's <c>metadata_props</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Imports what was written and compares its results with the network's before a file appears. Costs one more forward pass.</summary>
    public bool Verify { get; init; } = true;
}
