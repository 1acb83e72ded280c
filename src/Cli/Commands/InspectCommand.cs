using System.CommandLine;
using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera inspect</c>: what is in an ONNX, safetensors or PyTorch file.</summary>
static class InspectCommand
{
    public static Command Create(TextWriter output)
    {
        var file = Options.Path<string>("file", "An .onnx, .onnx.gz, .safetensors, .pth or .pt file.", ArgumentArity.ExactlyOne);
        var command = new ExampleCommand("inspect",
            "Show what is in a model file: graph, parameters, folded batch norms, and whether it is a network we know.",
            "Examples:\n  tessera inspect resnet34.onnx\n  tessera inspect model.safetensors")
        {
            file,
        };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, output));
        return command;
    }

    static int Run(string path, TextWriter output)
    {
        if (Path.GetExtension(path).ToUpperInvariant() is ".PTH" or ".PT") PrintPyTorch(path, output);
        else if (IsSafetensors(path)) PrintSafetensors(path, output);
        else PrintOnnx(path, output);
        return Tool.Success;
    }

    /// <summary>By name, or by content.</summary>
    static bool IsSafetensors(string path)
    {
        if (Directory.Exists(path)) throw new DataException($"{path}: is a folder: expected a model file. Hint: name an .onnx, .onnx.gz, .safetensors or .pth file.");
        return path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || ModelFile.IsSafetensors(path) == true;
    }

    static void PrintOnnx(string path, TextWriter output)
    {
        var model = OnnxModel.Load(path);
        output.WriteLine(model.Describe());
        if (!ResNet.TryMatch(model, out _, out string report) && ResNet.TryMatchBody(model, out _, out string body)) report = body;
        output.WriteLine(report);
    }

    static void PrintPyTorch(string path, TextWriter output)
    {
        var tensors = PyTorchFile.Load(path);
        foreach (var (name, tensor) in tensors) output.WriteLine($"  {Printable.Of(name),-50} {tensor.DType,-8} {tensor.Shape}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tensors.Count} tensors, {tensors.Values.Sum(t => t.Count):N0} elements"));
    }

    static void PrintSafetensors(string path, TextWriter output)
    {
        var (tensors, metadata) = Safetensors.ReadHeader(path);
        foreach (var (key, value) in metadata) output.WriteLine(Printable.Of($"{key}: {(value.Length > 400 ? value[..400] + "..." : value)}"));
        long count = 0;
        foreach (var (name, (dtype, shape)) in tensors)
        {
            output.WriteLine($"  {Printable.Of(name),-50} {dtype,-5} {shape}");
            count += shape.Count;
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tensors.Count} tensors, {count:N0} elements"));
    }
}
