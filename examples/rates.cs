#:project ../src/Vision/Tessera.Vision.csproj
// Find learning rates, then train all layers: small rates for early ones, larger for late ones. `dotnet run examples/rates.cs`
using Tessera.NN;
using Tessera.Vision;

string[] photos = [.. ImageFiles.In("assets/pets/images").Where((_, i) => i % 8 == 0)]; // an eighth, at 64 pixels, to be quick
string Breed(string file) => Path.GetFileName(file)[..Path.GetFileName(file).LastIndexOf('_')];
var data = ImageDataBunch.FromNameFunction(photos, Breed, Transforms.Default(), size: 64, batchSize: 16).Normalize(ImageNet.Stats);
var learn = ImageLearner.Create(data, Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.ErrorRate);
learn.FitOneCycle(2);

learn.Unfreeze(); // the rates that suit all layers are others than those of the head
var curve = learn.FindLearningRate(batches: 40); // leaves no trace in the network
curve.Plot(suggestion: true).Save("rates.png");
Console.Write(curve.Plot(width: 480, height: 320).ToTerminal(columns: 72));
Console.WriteLine(curve.Suggest());

learn.FitOneCycle(1, lr: new(1e-6, 1e-4)); // 1e-6 for the first layers, 1e-4 for the head, between them between
foreach (var (group, rate) in learn.LayerGroups.Zip(new LearningRate(1e-6, 1e-4).ForGroups(learn.LayerGroups.Count))) Console.WriteLine($"{rate:0.0e+0} {group.Name}");
