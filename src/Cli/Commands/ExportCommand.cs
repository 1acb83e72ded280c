using System.CommandLine;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera export</c>: a trained model as an ONNX file, for other programs.</summary>
static class ExportCommand
{
    public static Command Create(TextWriter output)
    {
        var model = ModelFile.Argument();
        var onnx = new Option<string>("--onnx") { Description = "The ONNX file to write.", Required = true };
        var fold = new Option<bool>("--fold") { Description = "Fold batch norms into the convolutions: smaller and faster, for inference only." };
        var preprocess = new Option<bool>("--preprocess") { Description = "Take a photo's bytes [N, H, W, 3] instead of normalised floats [N, 3, H, W]." };
        var probabilities = new Option<bool>("--probabilities") { Description = "End in a softmax: give probabilities instead of logits." };
        var command = new ExampleCommand("export", "Write a trained model as an ONNX file for other programs.",
            "Examples:\n  tessera export model.safetensors --onnx model.onnx\n"
                + "  tessera export model.safetensors --onnx phone.onnx --fold --preprocess --probabilities")
        {
            model, onnx, fold, preprocess, probabilities,
        };
        command.SetAction(parsed => Run(parsed.GetValue(model)!, parsed.GetValue(onnx)!, parsed.GetValue(fold), parsed.GetValue(preprocess), parsed.GetValue(probabilities), output));
        return command;
    }

    static int Run(string model, string onnx, bool fold, bool preprocess, bool probabilities, TextWriter output)
    {
        Writable.Check("--onnx", onnx, model);
        Interrupt.AfterWriting(() => ModelFile.Classifier(model).ExportOnnx(onnx, preprocess, probabilities, fold));
        output.WriteLine($"{onnx}: written, and it computes what {model} does.");
        output.Write(OnnxModel.Load(onnx).Describe());
        return Tool.Success;
    }
}
