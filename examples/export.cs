#:project ../src/Vision/Tessera.Vision.csproj
// A trained model out of the program and back: to predict, to train on, and as ONNX for other programs. `dotnet run examples/export.cs`
using Tessera.NN;
using Tessera.Vision;

string[] photos = [.. ImageFiles.In("assets/pets/images").Where((_, i) => i % 8 == 0)]; // an eighth, at 64 pixels, to be quick
string Breed(string file) => Path.GetFileName(file)[..Path.GetFileName(file).LastIndexOf('_')];
var data = ImageDataBunch.FromNameFunction(photos, Breed, Transforms.Default(), size: 64, batchSize: 16).Normalize(ImageNet.Stats);
var learn = ImageLearner.Create(data, Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.ErrorRate);
learn.FitOneCycle(2);
learn.Export("pets.safetensors"); // data only: nothing in it is executed when it is loaded

// To predict, here or on another machine:
var classifier = ImageClassifier.Load("pets.safetensors");
foreach (string photo in photos.Take(3))
{
    Prediction guess = classifier.Predict(photo);
    Console.WriteLine($"{photo}: {guess.Label}, {guess.Probabilities[guess.Index]:P0}");
}

// Many photos, or more training: a learner.
var again = ImageLearner.LoadLearner("pets.safetensors", testFolder: "assets/mnist/train/3");
Console.WriteLine($"threes are {string.Join(", ", again.GetPreds(again.Data.Test).Probabilities.ArgMax(1).ToArray<long>().Distinct().Select(c => classifier.Classes[(int)c]))}");
again.WithData(data).Fit(1, lr: 1e-4);

// For ONNX Runtime, or a phone: bytes in, probabilities out.
classifier.ExportOnnx("pets.onnx", preprocessing: true, probabilities: true);
Console.WriteLine(OnnxModel.Load("pets.onnx").Describe());
