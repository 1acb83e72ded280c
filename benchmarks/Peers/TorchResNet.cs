using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Tessera.Benchmarks;

/// <summary>torchvision's ResNet-18, -34 and -50 in TorchSharp, with in-place ReLU and addition as there; random weights.</summary>
sealed class TorchResNet : TorchModule
{
    readonly TorchModule body, head;

    /// <summary>A network of a depth, 18, 34 or 50.</summary>
    /// <param name="head">What comes behind the feature maps, given their channels; null for pool and a linear layer of 1000 classes.</param>
    public TorchResNet(int depth, Func<int, TorchModule>? head = null, int width = 64) : base("resnet")
    {
        int[] blocks = depth == 18 ? [2, 2, 2, 2] : [3, 4, 6, 3];
        int expansion = depth >= 50 ? 4 : 1, channels = width;
        List<TorchModule> layers = [Conv2d(3, width, 7, stride: 2, padding: 3, bias: false), BatchNorm2d(width), ReLU(inplace: true), MaxPool2d(3, stride: 2, padding: 1)];
        for (int stage = 0; stage < 4; stage++)
            for (int i = 0; i < blocks[stage]; i++)
            {
                int inner = width << stage;
                layers.Add(new Block(channels, inner, expansion, stage > 0 && i == 0 ? 2 : 1));
                channels = inner * expansion;
            }
        body = Sequential(layers);
        this.head = head?.Invoke(channels) ?? Sequential(AdaptiveAvgPool2d(1), Flatten(), Linear(channels, 1000));
        RegisterComponents();
    }

    /// <summary>The layers up to the feature maps.</summary>
    public TorchModule Body => body;

    /// <summary>The layers behind them.</summary>
    public TorchModule Head => head;

    public override TorchTensor forward(TorchTensor input)
    {
        using var features = body.call(input);
        return head.call(features);
    }

    sealed class Block : TorchModule
    {
        readonly TorchModule path;
        readonly TorchModule? downsample;

        public Block(int channels, int inner, int expansion, int stride) : base("block")
        {
            int outer = inner * expansion;
            path = expansion == 1
                ? Sequential(
                    Conv2d(channels, inner, 3, stride: stride, padding: 1, bias: false), BatchNorm2d(inner), ReLU(inplace: true),
                    Conv2d(inner, outer, 3, padding: 1, bias: false), BatchNorm2d(outer))
                : Sequential(
                    Conv2d(channels, inner, 1, bias: false), BatchNorm2d(inner), ReLU(inplace: true),
                    Conv2d(inner, inner, 3, stride: stride, padding: 1, bias: false), BatchNorm2d(inner), ReLU(inplace: true),
                    Conv2d(inner, outer, 1, bias: false), BatchNorm2d(outer));
            if (stride != 1 || channels != outer)
                downsample = Sequential(Conv2d(channels, outer, 1, stride: stride, bias: false), BatchNorm2d(outer));
            RegisterComponents();
        }

        public override TorchTensor forward(TorchTensor input)
        {
            using var scope = NewDisposeScope();
            var y = path.call(input);
            return F.relu(y.add_(downsample is null ? input : downsample.call(input)), inplace: true).MoveToOuterDisposeScope();
        }
    }
}
