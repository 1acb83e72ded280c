using System.CommandLine;
using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera convert</c>: weights from one kind of file to another.</summary>
static class ConvertCommand
{
    public static Command Create(TextWriter output)
    {
        var from = Options.Path<string>("in", "An .onnx, .onnx.gz, .safetensors, .pth or .pt file.", ArgumentArity.ExactlyOne);
        var to = Options.Path<string>("out", "The file to write: .safetensors (named tensors), or .onnx (of a model that tessera train wrote).", ArgumentArity.ExactlyOne);
        var command = new ExampleCommand("convert", "Write the weights of one kind of file as another kind.",
            "Examples:\n  tessera convert resnet34.onnx resnet34.safetensors\n  tessera convert resnet34.pth resnet34.safetensors\n"
                + "  tessera convert model.safetensors model.onnx")
        {
            from, to,
        };
        command.SetAction(parsed => Run(parsed.GetValue(from)!, parsed.GetValue(to)!, output));
        return command;
    }

    static int Run(string from, string to, TextWriter output)
    {
        string kind = Path.GetExtension(to).ToUpperInvariant();
        Writable.Check("convert", to, from);
        if (kind == ".ONNX" && Path.GetExtension(from).Equals(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            Interrupt.AfterWriting(() => ModelFile.Classifier(from).ExportOnnx(to));
            output.WriteLine($"{to}: written, and it computes what {from} does.");
            return Tool.Success;
        }
        if (kind != ".SAFETENSORS")
            throw new DataException($"{to}: cannot be made of {from}: expected a name that ends in .safetensors, or .onnx for a model that tessera train wrote. Hint: weights alone are no graph.");
        var tensors = Tensors(from);
        Interrupt.AfterWriting(() => Safetensors.Write(to, tensors));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{to}: {tensors.Count} tensors, {tensors.Values.Sum(t => t.Count):N0} elements"));
        return Tool.Success;
    }

    // Of an ONNX file the state of the network it holds, so that names and layout are those that modules load.
    static IReadOnlyDictionary<string, Tensor> Tensors(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".PTH" or ".PT" => PyTorchFile.Load(path),
        ".SAFETENSORS" => Safetensors.Read(path).Tensors,
        _ => OnnxModel.Load(path).ToModule().StateDict(),
    };
}
