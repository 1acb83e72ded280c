#:project ../src/Vision/Tessera.Vision.csproj
// A new head on a frozen body: one cycle, its curves, and the weights to go on from. `dotnet run examples/train.cs`
using Tessera.NN;
using Tessera.Vision;

string[] photos = [.. ImageFiles.In("assets/pets/images").Where((_, i) => i % 8 == 0)]; // an eighth, at 64 pixels, to be quick
string Breed(string file) => Path.GetFileName(file)[..Path.GetFileName(file).LastIndexOf('_')];
var data = ImageDataBunch.FromNameFunction(photos, Breed, Transforms.Default(), size: 64, batchSize: 16).Normalize(ImageNet.Stats);

var network = Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");
var learn = ImageLearner.Create(data, network, Metrics.ErrorRate, Metrics.Accuracy);
Console.WriteLine(learn.Summary());

// Killed half-way and started again, the call goes on where it was; done, it is taken over without training.
learn.FitOneCycle(4, callbacks: [new CsvLogger("history.csv")], resume: "runs/stage-1.run");
learn.Recorder.PlotLosses().Save("losses.png");
learn.Recorder.PlotLr(showMomentum: true).Save("schedule.png");
Console.WriteLine($"saved {learn.Save("stage-1")}");
