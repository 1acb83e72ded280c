#:project ../src/Vision/Tessera.Vision.csproj
// Where does a classifier err, and what does it look at? `dotnet run examples/interpret.cs`, then open report.html.
using Tessera.NN;
using Tessera.Vision;

string[] photos = [.. ImageFiles.In("assets/pets/images").Where((_, i) => i % 8 == 0)]; // an eighth, at 64 pixels, to be quick
string Breed(string file) => Path.GetFileName(file)[..Path.GetFileName(file).LastIndexOf('_')];
var data = ImageDataBunch.FromNameFunction(photos, Breed, Transforms.Default(), size: 64, batchSize: 16).Normalize(ImageNet.Stats);
var learn = ImageLearner.Create(data, Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.ErrorRate);
learn.FitOneCycle(2);

var interpretation = ClassificationInterpretation.FromLearner(learn);
foreach (var (item, loss) in interpretation.TopLosses(3)) Console.WriteLine($"{interpretation.Describe(item)}: loss {loss:F2}, probability {interpretation.ProbabilityOfActual(item):F4}");
foreach (var (actual, predicted, count) in interpretation.MostConfused(min: 2)) Console.WriteLine($"{actual} taken for {predicted}: {count} times");
interpretation.PlotTopLosses(9, heatmap: true).Save("top-losses.png");
interpretation.PlotConfusionMatrix(width: 720).Save("confusion.png");
GradCam.Of(learn, item: 0).Plot("the first photo").Save("cam.png");
CleaningList.Of(learn, losses: 20, similarity: 0.8).Save("clean.csv"); // photos to look at again
interpretation.SaveReport("report.html", new() { Title = "Pets" });      // all of it on one page
