#:project ../src/Vision/Tessera.Vision.csproj
// Threes and sevens: labels from folders, a table, file names, a function and lists. `dotnet run examples/digits.cs`
using Tessera.NN;
using Tessera.Vision;

string path = "assets/mnist";
var transforms = Transforms.Default(doFlip: false); // a mirrored three is no three
var table = Table.Read($"{path}/labels.csv");
Console.WriteLine(table.Head());
string[] files = [.. table.Column("name").Select(name => Path.Combine(path, name))];
string Digit(string file) => file.Contains("/3/", StringComparison.Ordinal) ? "3" : "7";

foreach (var data in new[]
{
    ImageDataBunch.FromCsv($"{path}/labels.csv", transforms: transforms, size: 28, batchSize: 8),
    ImageDataBunch.FromTable(table, path, transforms: transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromNameRegex(path, @"/(\d)/\d+\.png$", transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromNameFunction(files, Digit, transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromLists(files, [.. files.Select(Digit)], transforms, size: 24, batchSize: 8),
}) Console.WriteLine($"classes {string.Join(", ", data.Classes)}: {data.TrainSet.Count} digits for training, {data.ValidSet!.Count} for validation");

var digits = ImageDataBunch.FromFolder(path, transforms: transforms, size: 26, batchSize: 8);
var learn = ImageLearner.Create(digits, Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.Accuracy);
learn.Fit(2);
