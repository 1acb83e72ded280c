using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// y = relu(f(x) + s(x)): f is two 3×3 convolutions, or a bottleneck of 1×1, 3×3 and 1×1; s is the identity where the sizes agree, else a
/// 1×1 convolution. Every convolution is followed by a batch norm; ReLU between.
/// </summary>
public sealed class ResidualBlock : Module
{
    readonly ConvUnit[] path;
    readonly Sequential? downsample;

    internal ResidualBlock(ResNetOptions options, int channels, int inner, int stride)
    {
        int first = options.StrideInFirst ? stride : 1;
        int outer = inner * options.Expansion;
        path = options.Bottleneck
            ? [Add(1, channels, inner, 1, first), Add(2, inner, inner, 3, stride / first), Add(3, inner, outer, 1, 1)]
            : [Add(1, channels, inner, 3, stride), Add(2, inner, outer, 3, 1)];
        if (stride != 1 || channels != outer)
            downsample = Register("downsample", new Sequential(Conv(options, channels, outer, 1, stride), Norm(options, outer)));

        ConvUnit Add(int i, int from, int to, int kernel, int step)
        {
            string n = i.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return new(Register("conv" + n, Conv(options, from, to, kernel, step)), Register("bn" + n, Norm(options, to)));
        }
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        using var scope = Scope.Local();
        var y = path[0].Forward(x, relu: true);
        foreach (var unit in path[1..^1])
        {
            var z = unit.Forward(y, relu: true);
            scope.Release(y);
            y = z;
        }
        return scope.Return(path[^1].Forward(y, downsample?.Call(x) ?? x, relu: true));
    }

    internal static Conv2d Conv(ResNetOptions options, int from, int to, int kernel, int stride)
        => new(from, to, kernel, stride, kernel / 2, bias: options.ConvBias);

    internal static Module Norm(ResNetOptions options, int channels)
        => options.BatchNorm ? new BatchNorm2d(channels, options.Eps) : new FoldedNorm();
}
