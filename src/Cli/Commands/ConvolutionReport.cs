using System.Globalization;
using Tessera.NN;

namespace Tessera.Cli;

/// <summary><c>tessera doctor --convolutions</c>: the algorithm of each convolution of a network, for each of the three computations.</summary>
static class ConvolutionReport
{
    static readonly (ConvolutionPass Pass, string Name)[] passes =
        [(ConvolutionPass.Forward, "forward"), (ConvolutionPass.BackwardData, "data"), (ConvolutionPass.BackwardWeight, "weight")];

    public static int Print(string path, int batch, int size, TextWriter output)
    {
        using var scope = Scope.Begin();
        var network = OnnxModel.Load(path).ToModule();
        List<(Shape X, Shape W, Window2d Window)> layers = [];
        using (ConvolutionPlan.Watch((x, w, window) => layers.Add((x, w, window))))
        using (Autograd.NoGrad())
            network.Call(Tensor.Zeros([batch, 3, size, size]));
        foreach (var layer in layers.GroupBy(l => l)) PrintLayer(layer.Key, layer.Count(), output);
        return Tool.Success;
    }

    static void PrintLayer((Shape X, Shape W, Window2d Window) layer, int count, TextWriter output)
    {
        var (x, w, window) = layer;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count,2} x  {window.R}x{window.S}/{window.StrideH}  {x[1]} -> {w[0]} channels at {x[2]}x{x[3]}{(window.Groups > 1 ? $", {window.Groups} groups" : "")}"));
        foreach (var plans in passes.Select(p => (p.Name, Plan: ConvolutionPlan.Of(p.Pass, x, w, window))).GroupBy(p => p.Plan))
            output.WriteLine($"        {string.Join(", ", plans.Select(p => p.Name)),-21}  {plans.Key.Algorithm,-9}  {plans.Key.Reason}");
    }
}
