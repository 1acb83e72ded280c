using Tessera.NN;

namespace Tessera.Tests;

/// <summary>The networks of the recorded runs, with the names of their state.</summary>
static class GoldenModels
{
    /// <summary>Linear layers with ReLU between.</summary>
    public static Module Mlp(int[] sizes)
    {
        List<Module> layers = [new Linear(sizes[0], sizes[1])];
        for (int i = 2; i < sizes.Length; i++) layers.AddRange([new Relu(), new Linear(sizes[i - 1], sizes[i])]);
        return new Sequential([.. layers]);
    }

    /// <summary>ResNet-18 of a width with the lesson's head: <c>0.*</c> the body's children, <c>1.*</c> the head.</summary>
    public static Sequential Lesson(int width, int hidden, int classes)
    {
        Module Stage(int c, int k, int stride) => new Sequential(new Block(c, k, stride, "downsample"), new Block(k, k, 1, "downsample"));
        var body = new Sequential(
            new Conv2d(3, width, 7, 2, 3, bias: false), new BatchNorm2d(width), new Relu(), new MaxPool2d(3, 2, 1),
            Stage(width, width, 1), Stage(width, 2 * width, 2), Stage(2 * width, 4 * width, 2), Stage(4 * width, 8 * width, 2));
        var head = new Sequential(
            new AdaptiveConcatPool2d(1), new Flatten(), new BatchNorm1d(16 * width), new Linear(16 * width, hidden), new Relu(), new BatchNorm1d(hidden), new Linear(hidden, classes));
        return new Sequential(body, head);
    }

    /// <summary>A basic residual block.</summary>
    public sealed class Block : Module
    {
        readonly Module conv1, bn1, conv2, bn2;
        readonly Module? down;

        public Block(int c, int k, int stride, string downName)
        {
            conv1 = Register("conv1", new Conv2d(c, k, 3, stride, 1, bias: false));
            bn1 = Register("bn1", new BatchNorm2d(k));
            conv2 = Register("conv2", new Conv2d(k, k, 3, 1, 1, bias: false));
            bn2 = Register("bn2", new BatchNorm2d(k));
            if (stride != 1 || c != k) down = Register(downName, new Sequential(new Conv2d(c, k, 1, stride, 0, bias: false), new BatchNorm2d(k)));
        }

        public override Tensor Forward(Tensor x)
        {
            var y = bn1.Call(conv1.Call(x)).Relu();
            return (bn2.Call(conv2.Call(y)) + (down is null ? x : down.Call(x))).Relu();
        }
    }

    /// <summary>Stem, two stages, mean over the map, linear layer.</summary>
    public sealed class TinyResNet : Module
    {
        readonly Module stem, bn, layer1, layer2, fc;

        public TinyResNet(int width, int classes)
        {
            stem = Register("stem", new Conv2d(3, width, 3, 1, 1, bias: false));
            bn = Register("bn", new BatchNorm2d(width));
            layer1 = Register("layer1", new Block(width, width, 1, "down"));
            layer2 = Register("layer2", new Block(width, 2 * width, 2, "down"));
            fc = Register("fc", new Linear(2 * width, classes));
        }

        public override Tensor Forward(Tensor x)
        {
            var y = layer2.Call(layer1.Call(bn.Call(stem.Call(x)).Relu()));
            return fc.Call(y.AdaptiveAvgPool2d(1, 1).Flatten(1));
        }
    }
}
