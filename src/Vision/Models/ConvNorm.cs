using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What the mobile networks are made of.</summary>
static class ConvNorm
{
    /// <summary>Convolution without bias, batch norm and, where given, an activation; padded so that stride 1 keeps the size.</summary>
    public static Sequential Create(int from, int to, int kernel, int stride = 1, int groups = 1, Module? activation = null, double eps = 1e-5, double momentum = 0.1)
    {
        var conv = new Conv2d(from, to, kernel, stride, (kernel - 1) / 2, groups: groups, bias: false);
        var norm = new BatchNorm2d(to, eps, momentum);
        return activation is null ? new Sequential(conv, norm) : new Sequential(conv, norm, activation);
    }

    /// <summary>The multiple of 8 next to a number of channels, and not more than a tenth below it.</summary>
    public static int Round8(double channels)
    {
        int rounded = Math.Max(8, (int)(channels + 4) / 8 * 8);
        return rounded < 0.9 * channels ? rounded + 8 : rounded;
    }
}
