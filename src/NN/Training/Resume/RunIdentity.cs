using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Tessera.NN;

/// <summary>
/// What a run that goes on must find as it was, part by part: the data, the loss, the optimizer's constants, the weights that do not learn, and the callbacks but those that only look on.
/// </summary>
static class RunIdentity
{
    /// <summary>The parts and what they are, in words; large ones by a hash.</summary>
    public static IReadOnlyDictionary<string, string> Of(Learner learner, IEnumerable<Callback> callbacks)
    {
        OrderedDictionary<string, string> parts = new(StringComparer.Ordinal);
        foreach (var (part, content) in learner.Data.Identify()) parts[part] = content;
        parts["loss"] = Of(learner.Loss);
        parts["optimizer"] = Of(learner.OptimizerSettings) + (learner.BnWd ? ", weight decay of norms and biases too" : "");
        parts["callbacks"] = Of(callbacks.Where(c => !c.IsObserver && c is not ScheduleCallback)); // the call says its schedule
        parts["frozen weights"] = Frozen(learner.Model);
        return parts;
    }

    /// <summary>A loss and its settings.</summary>
    public static string Of(Loss loss) => loss switch
    {
        CrossEntropyLoss c => Of(c.Name, c.LabelSmoothing) + (c.Weight is { } w ? $", class weights {string.Join(", ", w.To(Device.Cpu).ToArray<float>().Select(Text))}" : ""),
        LabelSmoothingCrossEntropy c => Of(c.Name, c.Eps),
        _ => loss.Name,
    };

    static string Of(string name, double smoothing) => smoothing > 0 ? $"{name}, label smoothing {Text(smoothing)}" : name;

    /// <summary>An optimizer and the constants of its formula.</summary>
    public static string Of(OptimizerSettings o)
    {
        string constants = o.Kind switch
        {
            nameof(Adam) or nameof(AdamW) => $", beta2 {Text(o.Beta2)}, eps {Text(o.Eps)}",
            nameof(RmsProp) => $", alpha {Text(o.Alpha)}, eps {Text(o.Eps)}{(o.Centered ? ", centered" : "")}",
            nameof(Sgd) => o.Nesterov ? ", Nesterov" : "",
            _ => "",
        };
        return $"{o.Kind}{constants}{(o.DecoupledDecay ? ", decoupled weight decay" : "")}";
    }

    /// <summary>Callbacks by their kinds and settings, whatever their order.</summary>
    public static string Of(IEnumerable<Callback> callbacks)
    {
        string[] all = [.. callbacks.Select(c => c.Settings?.ToText() ?? c.GetType().Name).Order(StringComparer.Ordinal)];
        return all.Length > 0 ? string.Join(", ", all) : "none";
    }

    /// <summary>The first 16 digits of the SHA-256 of texts, each followed by a line feed.</summary>
    public static string Hash(IEnumerable<string> lines)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string line in lines) hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
        return Digits(hash);
    }

    /// <summary>The same of numbers.</summary>
    public static string Hash(ReadOnlySpan<float> numbers, ReadOnlySpan<long> labels)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(numbers));
        hash.AppendData(MemoryMarshal.AsBytes(labels));
        return Digits(hash);
    }

    static string Frozen(Module model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int count = 0;
        foreach (var (name, tensor) in model.NamedParameters().Where(p => !p.Tensor.RequiresGrad))
        {
            using var scope = Scope.Begin();
            hash.AppendData(Encoding.UTF8.GetBytes(name + "\n"));
            hash.AppendData(MemoryMarshal.AsBytes<float>(tensor.Detach().To(DType.Float32).To(Device.Cpu).ToArray<float>()));
            count++;
        }
        return count == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{count} tensors, SHA-256 {Digits(hash)}");
    }

    static string Digits(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset())[..16];

    static string Text(double x) => x.ToString(CultureInfo.InvariantCulture);

    static string Text(float x) => x.ToString(CultureInfo.InvariantCulture);
}
