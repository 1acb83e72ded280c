namespace Tessera.Benchmarks;

/// <summary>Networks of known forms as ONNX files with random weights, written on first use into the benchmark's own output folder.</summary>
static class OnnxNetworks
{
    /// <summary>The file of <c>resnet18</c>, <c>resnet34</c>, <c>resnet50</c> or <c>squeezenet</c>.</summary>
    /// <param name="name">Which.</param>
    /// <param name="width">Channels of a ResNet's stem; 64 is the real thing.</param>
    public static string File(string name, int width)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "networks", width == 64 ? $"{name}.onnx" : $"{name}-{width}.onnx");
        if (!System.IO.File.Exists(path)) Build(name, width).Save(path);
        return path;
    }

    static OnnxGraph Build(string name, int width)
    {
        var g = new OnnxGraph();
        switch (name)
        {
            case "resnet18": ResNet(g, [2, 2, 2, 2], 1, width); break;
            case "resnet34": ResNet(g, [3, 4, 6, 3], 1, width); break;
            case "resnet50": ResNet(g, [3, 4, 6, 3], 4, width); break;
            case "squeezenet": SqueezeNet(g); break;
            default: throw new ArgumentException($"OnnxNetworks: unknown network: got '{name}', expected resnet18, resnet34, resnet50 or squeezenet.", nameof(name));
        }
        return g;
    }

    static void ResNet(OnnxGraph g, int[] blocks, int expansion, int width)
    {
        string x = g.MaxPool(g.Relu(g.Conv(OnnxGraph.Input, 3, width, 7, 2)));
        int channels = width;
        for (int stage = 0; stage < blocks.Length; stage++)
            for (int i = 0; i < blocks[stage]; i++)
            {
                int inner = width << stage, outer = inner * expansion, stride = stage > 0 && i == 0 ? 2 : 1;
                string y = expansion == 1
                    ? g.Relu(g.Conv(x, channels, inner, 3, stride))
                    : g.Relu(g.Conv(g.Relu(g.Conv(x, channels, inner, 1)), inner, inner, 3, stride));
                // A small gain keeps the sums of random blocks in range.
                y = g.Conv(y, inner, outer, expansion == 1 ? 3 : 1, gain: 0.3);
                x = g.Relu(g.Add(y, stride == 1 && channels == outer ? x : g.Conv(x, channels, outer, 1, stride)));
                channels = outer;
            }
        g.Linear(g.Pooled(x), channels, 1000);
    }

    // SqueezeNet 1.1 (https://arxiv.org/abs/1602.07360).
    static void SqueezeNet(OnnxGraph g)
    {
        string x = g.MaxPool(g.Relu(g.Conv(OnnxGraph.Input, 3, 64, 3, 2, 0)), padding: 0);
        x = Fire(Fire(x, 64, 16, 64), 128, 16, 64);
        x = g.MaxPool(x, padding: 0);
        x = Fire(Fire(x, 128, 32, 128), 256, 32, 128);
        x = g.MaxPool(x, padding: 0);
        x = Fire(Fire(x, 256, 48, 192), 384, 48, 192);
        x = Fire(Fire(x, 384, 64, 256), 512, 64, 256);
        g.Pooled(g.Relu(g.Conv(x, 512, 1000, 1)));

        string Fire(string y, int from, int squeeze, int expand)
        {
            y = g.Relu(g.Conv(y, from, squeeze, 1));
            return g.Concat(g.Relu(g.Conv(y, squeeze, expand, 1)), g.Relu(g.Conv(y, squeeze, expand, 3)));
        }
    }
}
