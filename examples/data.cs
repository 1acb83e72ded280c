#:project ../src/Vision/Tessera.Vision.csproj
// From files to batches: labels from folders, a table, file names, a function and lists, and the steps behind them. `dotnet run examples/data.cs`
using Tessera.NN;
using Tessera.Vision;

string path = UntarData.Get(Datasets.MnistSample, new() { Source = "assets/mnist" }); // without Source it fetches the archive, once
Console.WriteLine(Folder.List(path));
var table = Table.Read($"{path}/labels.csv");
Console.WriteLine(table.Head());

var transforms = Transforms.Default(doFlip: false); // a mirrored three is no three
string[] files = [.. table.Column("name").Select(name => Path.Combine(path, name))];
string Digit(string file) => file.Contains("/3/", StringComparison.Ordinal) ? "3" : "7";
foreach (var data in new[]
{
    ImageDataBunch.FromFolder(path, transforms: transforms, size: 26, batchSize: 8),
    ImageDataBunch.FromCsv($"{path}/labels.csv", transforms: transforms, size: 28, batchSize: 8),
    ImageDataBunch.FromTable(table, path, transforms: transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromNameRegex(path, @"/(\d)/\d+\.png$", transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromNameFunction(files, Digit, transforms, size: 24, batchSize: 8),
    ImageDataBunch.FromLists(files, [.. files.Select(Digit)], transforms, size: 24, batchSize: 8),
}) Console.WriteLine($"classes {string.Join(", ", data.Classes)}: {data.TrainSet.Count} digits for training, {data.ValidSet!.Count} for validation");

// Each of these is short for five steps.
var steps = ImageList.FromFolder(path).SplitByRandom(0.2, seed: 2).LabelFromFolder().Transform(transforms, size: 28).Bunch(batchSize: 8).Normalize(Mnist.Stats);
Console.WriteLine(steps);
foreach (Batch batch in steps.Train.Epoch()) Console.WriteLine($"{batch.X.Shape} and {batch.Y.Shape}");
