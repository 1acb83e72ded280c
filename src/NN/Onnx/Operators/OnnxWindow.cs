namespace Tessera.NN;

/// <summary>The geometry of convolutions and pools from a node's attributes.</summary>
internal static class OnnxWindow
{
    const int MaxSize = 1 << 16;

    /// <summary>The window of a node over an input of h rows and w columns; 1-d nodes count as one row.</summary>
    public static Window2d Of(OnnxNode node, int r, int s, int h, int w, bool transposed = false)
    {
        int[] strides = Two(node, "strides", 1), dilations = Two(node, "dilations", 1);
        if (node.Ints("kernel_shape") is { } kernel && !kernel.AsSpan().EndsWith(kernel.Length == 1 ? [s] : [r, s]))
            throw node.Error("kernel_shape", $"[{string.Join(", ", kernel)}]", $"[{r}, {s}]");
        if (r < 1 || s < 1 || strides.Concat(dilations).Any(n => n is < 1 or > MaxSize) || r > MaxSize || s > MaxSize)
            throw node.Error("kernel, strides and dilations", $"{r}x{s}, [{string.Join(", ", strides)}], [{string.Join(", ", dilations)}]", $"numbers of 1..{MaxSize}");
        var window = new Window2d(r, s, strides[0], strides[1], DilationH: dilations[0], DilationW: dilations[1], Groups: node.Int("group", 1));
        if (window.Groups < 1) throw node.Error("group", window.Groups, "at least 1");
        int[] pads = Pads(node, window, h, w, transposed);
        if (pads.Any(p => p is < 0 or > MaxSize)) throw node.Error("pads", $"[{string.Join(", ", pads)}]", $"numbers of 0..{MaxSize}");
        return window with { Top = pads[0], Left = pads[1], Bottom = pads[2], Right = pads[3] };
    }

    /// <summary>Two numbers of an attribute; one number is the second of a 1-d node.</summary>
    public static int[] Two(OnnxNode node, string attribute, int otherwise) => node.Ints(attribute) switch
    {
        null => [otherwise, otherwise],
        [int one] => [otherwise, one],
        [int a, int b] => [a, b],
        { } other => throw node.Error($"not supported: length of '{attribute}'", other.Length, "1 or 2"),
    };

    // Top, left, bottom, right. A transposed convolution with output_shape is padded so that this size results.
    static int[] Pads(OnnxNode node, Window2d k, int h, int w, bool transposed)
    {
        string auto = node.String("auto_pad", "NOTSET");
        if (transposed && (node.Has("output_shape") || auto is "SAME_UPPER" or "SAME_LOWER"))
        {
            int[] size = node.Has("output_shape") ? Two(node, "output_shape", 1) : [h * k.StrideH, w * k.StrideW], extra = Two(node, "output_padding", 0);
            return Halves(
                (k.StrideH * (h - 1)) + extra[0] + (k.DilationH * (k.R - 1)) + 1 - size[0],
                (k.StrideW * (w - 1)) + extra[1] + (k.DilationW * (k.S - 1)) + 1 - size[1], frontMore: auto != "SAME_UPPER");
        }
        return auto switch
        {
            "SAME_UPPER" or "SAME_LOWER" => Halves(
                Total(h, k.StrideH, (k.DilationH * (k.R - 1)) + 1), Total(w, k.StrideW, (k.DilationW * (k.S - 1)) + 1), frontMore: auto == "SAME_LOWER"),
            "VALID" => [0, 0, 0, 0],
            "NOTSET" or "" => node.Ints("pads") switch
            {
                null => [0, 0, 0, 0],
                [int a, int b] => [0, a, 0, b],
                [int a, int b, int c, int d] => [a, b, c, d],
                { } other => throw node.Error("not supported: length of 'pads'", other.Length, "2 or 4"),
            },
            _ => throw node.Error("auto_pad", auto, "NOTSET, SAME_UPPER, SAME_LOWER or VALID"),
        };
    }

    static int Total(int size, int stride, int kernel) => Math.Max(0, ((((size + stride - 1) / stride) - 1) * stride) + kernel - size);

    // An odd total puts the larger half in front where `frontMore`.
    static int[] Halves(int vertical, int horizontal, bool frontMore)
    {
        int v = Math.Max(0, vertical), h = Math.Max(0, horizontal);
        int top = frontMore ? (v + 1) / 2 : v / 2, left = frontMore ? (h + 1) / 2 : h / 2;
        return [top, left, v - top, h - left];
    }
}
