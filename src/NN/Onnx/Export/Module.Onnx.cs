using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Tessera.NN;

public abstract partial class Module
{
    /// <summary>
    /// Writes this network as an ONNX file (<see href="https://onnx.ai"/>, operator set 17) that other programs run: in evaluation mode, for any batch size. The
    /// network is run on two small batches and what happens is written down, so any module is exported whose work is operations on tensors. Stored tensors bear
    /// the names of the state dict, so <see cref="OnnxModel.ToModule"/> gives back a network with the same names, which can be trained on.
    /// </summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <param name="inputShape">One input without the batch: <c>[3, 224, 224]</c>.</param>
    /// <param name="options">Names, folded batch norms, metadata.</param>
    /// <exception cref="TesseraException">The network does what a graph cannot say (the message names the operation), or the file cannot be written.</exception>
    public void ExportOnnx(string path, Shape inputShape, OnnxExportOptions? options = null)
    {
        var model = ToOnnx(inputShape, options ?? new OnnxExportOptions());
        AtomicFile.Write(path, stream => model.WriteTo(stream));
    }

    /// <summary>The content of the file that <see cref="ExportOnnx"/> writes.</summary>
    /// <inheritdoc cref="ExportOnnx"/>
    public byte[] ToOnnxBytes(Shape inputShape, OnnxExportOptions? options = null) => ToOnnx(inputShape, options ?? new OnnxExportOptions()).ToByteArray();

    ModelProto ToOnnx(Shape inputShape, OnnxExportOptions options)
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        using var evaluating = Evaluating();
        var (a, b) = (OnnxTrace.Of(this, Sample(2, inputShape, options.InputType)), OnnxTrace.Of(this, Sample(3, inputShape, options.InputType)));
        var model = OnnxExporter.Export(a, b, this, options);
        if (options.Verify) Verify(model, a);
        return model;
    }

    // Numbers of 0 to 1, or 0 to 255, different for each batch size.
    Tensor Sample(int n, Shape shape, DType dtype)
    {
        var device = Parameters().FirstOrDefault()?.Device ?? Device.Default;
        var x = Tensor.Uniform([n, .. shape], new Philox(17, (ulong)n), device: device);
        return dtype switch
        {
            DType.Float32 => x,
            DType.UInt8 => (x * 255).To(DType.UInt8),
            _ => throw new DTypeException($"ExportOnnx: input type: got {dtype}, expected Float32 or UInt8. Hint: networks take floats, photos are bytes."),
        };
    }

    static void Verify(ModelProto model, OnnxTrace trace)
    {
        var graph = OnnxModel.Parse(model.ToByteArray(), "ExportOnnx").ToModule();
        float[] expected = MemoryMarshal.Cast<byte, float>(trace.Result).ToArray(), got = graph.Forward(trace.Input.To(Device.Cpu)).ToArray<float>();
        float most = expected.Select(MathF.Abs).DefaultIfEmpty().Max(), difference = expected.Zip(got, (x, y) => MathF.Abs(x - y)).DefaultIfEmpty().Max();
        if (expected.Any(x => !float.IsFinite(x)))
            throw new TesseraException(
                "ExportOnnx: the network gives NaN or infinity for its example: expected finite numbers. Hint: its weights are not finite, as after training at too large a rate; load earlier ones.");
        if (expected.Length != got.Length || !(difference <= 1e-3f * MathF.Max(1, most)))
            throw new TesseraException(FormattableString.Invariant(
                $"ExportOnnx: the graph does not compute what the network does: got a difference of {difference}, expected at most {1e-3f * MathF.Max(1, most)}. ")
                + "Hint: does Forward depend on more than its input, such as a random number?");
    }
}
