using System.Globalization;
using System.Text;

namespace Tessera.NN;

public partial class Learner
{
    const int SummaryWidth = 70;

    /// <summary>A table of the layers with their output shapes for one item, parameters and whether they are trained; then the layer groups, optimizer and loss.</summary>
    /// <exception cref="TesseraException">There is no item to show the model.</exception>
    public string Summary()
    {
        var shapes = OutputShapes();
        StringBuilder text = new();
        text.Append(Model.GetType().Name).Append('\n').Append('=', SummaryWidth).Append('\n');
        text.Append(Row("Layer (type)", "Output Shape", "Param #", "Trainable")).Append('=', SummaryWidth).Append('\n');
        foreach (var layer in LayerGroup.Layers(Model))
        {
            Tensor[] own = [.. LayerGroup.Own(layer)];
            text.Append(Row(layer.GetType().Name, shapes.TryGetValue(layer, out var shape) ? shape.ToString() : "", Number(own.Sum(p => p.Count)), own.Any(p => p.RequiresGrad) ? "True" : "False"));
            text.Append('_', SummaryWidth).Append('\n');
        }
        long total = Model.Parameters().Sum(p => p.Count), trainable = Model.Parameters().Where(p => p.RequiresGrad).Sum(p => p.Count);
        text.Append(CultureInfo.InvariantCulture, $"\nTotal params: {total:N0}\nTotal trainable params: {trainable:N0}\nTotal non-trainable params: {total - trainable:N0}\n");
        AppendGroups(text);
        text.Append(CultureInfo.InvariantCulture, $"Optimized with {Optimizer ?? Fresh()}{(TrueWd ? ", true weight decay" : ", weight decay as L2")} {Wd}\n");
        if (Precision != DType.Float32) text.Append(CultureInfo.InvariantCulture, $"Mixed precision: {Precision}{(LossScaler is { } scaler ? $", {scaler}" : "")}\n");
        text.Append(CultureInfo.InvariantCulture, $"Loss function: {Loss.Name}\n");
        if (Callbacks.Count > 0) text.Append("Callbacks: ").AppendJoin(", ", Callbacks.Select(c => c.GetType().Name)).Append('\n');
        return text.ToString();
    }

    void AppendGroups(StringBuilder text)
    {
        text.Append('\n').Append(Row("Layer group", "Layers", "Param #", "Trainable", "lr"));
        foreach (var (i, group) in LayerGroups.Index())
        {
            long all = group.Parameters.Sum(p => p.Count), trained = group.Parameters.Where(p => p.RequiresGrad).Sum(p => p.Count);
            string which = trained == all ? "all" : trained == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{trained:N0}");
            text.Append(Row(group.Name, Number(group.Modules.Count), Number(all), which, Optimizer?.Groups[2 * i].Lr.ToString("0.##E0", CultureInfo.InvariantCulture) ?? "-"));
        }
        text.Append('\n');
    }

    /// <summary>Shows the model one item and notes what each layer gives, without the batch dimension.</summary>
    Dictionary<Module, Shape> OutputShapes()
    {
        Dictionary<Module, Shape> shapes = [];
        using var evaluating = new Evaluating(Model);
        using var scope = Scope.Begin();
        using var watching = Module.Watch((module, _, y) => shapes[module] = y.Rank == 0 ? y.Shape : new Shape(y.Shape.Dims[1..]));
        foreach (var batch in new DataLoader(Data.Train.Dataset, 1, workers: 0, device: Data.Train.Device).Epoch())
        {
            shapes[Model] = new Shape(Model.Call(Data.Prepare(batch.X)).Shape.Dims[1..]);
            return shapes;
        }
        throw new TesseraException("Summary: no item to show the model: got an empty training set, expected at least one item. Hint: make the learner with photos to see its sizes.");
    }

    static string Row(string a, string b, string c, string d, string? e = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{a,-20} {b,-20} {c,-10} {d,-10} {e}").TrimEnd() + "\n";

    static string Number(long n) => n.ToString("N0", CultureInfo.InvariantCulture);
}
