using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>What a newcomer sees who prints what a call has given.</summary>
public sealed class PrintedTests
{
    [Test]
    public void WhatCallsGiveCanBeRead()
    {
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 8, options: new() { Workers = 2 }).Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), Metrics.ErrorRate);
        var photo = Image.Load(data.TrainSet.Items[0].Path);
        Assert.That(learn.Predict(photo).ToString(), Does.Match(@"^\w+ [01]\.\d{4}$"));
        Assert.That(GradCam.Of(learn, 0, classIndex: 3).ToString(), Is.EqualTo("heat map of class 3: 1 x 1 places over a photo of 32 x 32"));
        Assert.That(learn.ToString(), Does.Match(@"^ImageLearner: Sequential of [\d,]+ parameters in 3 layer groups, \d+ items for training, CrossEntropyLoss, 0 epochs trained$"));
        Assert.That(data.Train.ToString(), Does.Match(@"^\d+ items in \d+ batches of 8, shuffled, an incomplete last one left out; 2 loading threads$"));
        Assert.That(learn.Recorder.ToString(), Is.EqualTo("0 epochs, 0 batches"));
    }

    [Test]
    public void TheRecorderSaysWhereTrainingEnded()
    {
        var items = new TensorDataset(Tensor.Ones([16, 4]), Tensor.Zeros([16], DType.Int64));
        var learn = new Learner(new DataBunch(new DataLoader(items, 8), new DataLoader(items, 8)), new Linear(4, 2), new CrossEntropyLoss(), Metrics.Accuracy) { Display = null };
        learn.Fit(2, 1e-2);
        Assert.That(learn.Recorder.ToString(), Does.Match(@"^2 epochs, 4 batches, train_loss \d\.\d{6}, valid_loss \d\.\d{6}, accuracy [01]\.\d{6}$"));
    }
}
