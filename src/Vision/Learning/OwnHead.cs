using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>A head that the user made: checked when the learner is made, an ONNX graph in model files.</summary>
static class OwnHead
{
    /// <summary>The head, where it makes scores of the body's feature maps.</summary>
    /// <exception cref="TesseraException">It does not.</exception>
    public static Module Checked(Module? head, Backbone backbone, ImageSize size, int classes)
    {
        if (head is null) throw new TesseraException("ImageLearner: head: got null, expected a module. Hint: Head = (features, classes) => new Sequential(...).");
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        using var evaluating = head.Evaluating();
        var maps = FeatureMaps(backbone.Body, size);
        Shape scores;
        try
        {
            scores = head.Call(maps).Shape;
        }
        catch (TesseraException e)
        {
            throw new TesseraException(
                $"ImageLearner: the head does not take the feature maps of the body: got maps {maps.Shape}, expected a head for them. "
                    + $"Hint: it begins with a pool, such as new AdaptiveAvgPool2d(1). {e.Message}", e);
        }
        return scores == new Shape(1, classes) ? head : throw Unfit(scores, classes);
    }

    /// <summary>The head of a model as an ONNX file with the names of its state.</summary>
    /// <exception cref="TesseraException">It does what a graph cannot say; the message names it.</exception>
    public static byte[] ToGraph(Sequential model, ImageSize size)
    {
        Module head = model[1];
        Shape maps = Autograd.NoGrad(() => Scope.Run(() => FeatureMaps(model[0], size))).Shape;
        byte[] graph;
        try
        {
            graph = head.ToOnnxBytes([.. maps.Skip(1)]);
        }
        catch (TesseraException e)
        {
            throw new TesseraException(
                $"Save: the head cannot be written: got a {head.GetType().Name}, expected operations that an ONNX graph can say. "
                    + $"Hint: Learner.Save keeps the weights of any network. {e.Message}", e);
        }
        string[] own = [.. head.StateDict().Keys], again = [.. OnnxModel.Parse(graph, "head").ToModule().StateDict().Keys];
        return own.ToHashSet(StringComparer.Ordinal).SetEquals(again) ? graph : throw new TesseraException(
            $"Save: the head cannot be written: got the tensors {string.Join(", ", own)}, expected those that its graph keeps: {string.Join(", ", again)}. "
                + "Hint: let the head have parameters and batch norms only, each of them used.");
    }

    /// <summary>The head of a model file, and the channels of the feature maps that it takes.</summary>
    /// <exception cref="DataException">The graph is damaged, or no head.</exception>
    public static (Module Head, int Features) Read(byte[] graph, int classes, string path)
    {
        var model = OnnxModel.Parse(graph, $"{path}: head");
        using var allowance = model.Allowance("to run the head on the feature maps of one photo");
        var head = model.ToModule();
        int[] maps = model.Inputs is [{ Shape: { Count: 4 } shape }] ? [.. shape.Skip(1).Select(Side)] : [];
        if (maps is not [> 0, > 0, > 0])
            throw new DataException(
                $"{path}: no head: got a graph of the input [{string.Join(", ", maps)}], expected feature maps. "
                    + "Hint: train and save the model again.");
        Shape scores = Autograd.NoGrad(() => Scope.Run(() => head.Forward(Tensor.Zeros([1, .. maps])))).Shape;
        return scores == new Shape(1, classes) ? (head, maps[0]) : throw new DataException($"{path}: {Unfit(scores, classes).Message}");
    }

    static int Side(string dimension) => int.TryParse(dimension, CultureInfo.InvariantCulture, out int n) ? n : 0;

    static TesseraException Unfit(Shape scores, int classes) => new(FormattableString.Invariant(
        $"ImageLearner: the head does not give a score a class: got {scores} for one photo, expected [1, {classes}]. ")
            + "Hint: flatten, and let the last layer have as many outputs as there are classes.");

    static Tensor FeatureMaps(Module body, ImageSize size)
    {
        using var evaluating = body.Evaluating();
        return body.Call(Tensor.Zeros([1, Image.Channels, size.Height, size.Width], DType.Float32, body.Parameters().FirstOrDefault()?.Device));
    }
}
