#:project ../src/Vision/Tessera.Vision.csproj
// The first lesson, from photos to interpretation, on a quarter of the photos at 64 pixels to be quick. `dotnet run examples/lesson1.cs`
using Tessera.NN;
using Tessera.Vision;

// 1. The photos: a file's name says the breed.
string photos = "assets/pets/images";
string[] files = ImageFiles.In(photos);
Console.WriteLine($"{Folder.List("assets/pets")}: {files.Length} photos");

// 2. Batches of photos that are changed a little each time; a fifth of them is held back to measure with.
var options = new ImageDataOptions { Seed = 2, Exclude = files.Where((_, i) => i % 4 != 0).ToHashSet(StringComparer.Ordinal) };
var data = ImageDataBunch.FromNameRegex(photos, @"/([^/]+)_\d+.jpg$", Transforms.Default(), size: 64, batchSize: 16, options).Normalize(ImageNet.Stats);
data.ShowBatch(rows: 3, width: 700, height: 600).Save("batch.png");
Console.WriteLine(data);

// 3. The body of a pretrained network, and a new head for these breeds.
var network = Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");
var learn = ImageLearner.Create(data, network, Metrics.ErrorRate);

// 4. The head learns; the body is frozen.
learn.FitOneCycle(4);
learn.Save("stage-1");

// 5. Where does it err?
var interpretation = learn.Interpret();
interpretation.PlotTopLosses(9, heatmap: true).Save("top-losses.png");
interpretation.PlotConfusionMatrix(width: 720).Save("confusion.png");
foreach (var (actual, predicted, count) in interpretation.MostConfused(min: 2)) Console.WriteLine($"{actual} taken for {predicted}: {count} times");

// 6. All layers: at the rates of the head a network forgets. Back, look for rates, and again with small ones.
learn.Unfreeze().FitOneCycle(1);
learn.Load("stage-1");
learn.FindLearningRate(batches: 40).Plot(suggestion: true).Save("rates.png");
learn.Unfreeze().FitOneCycle(2, lr: new(1e-6, 1e-4));
