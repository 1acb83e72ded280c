#:project ../src/Vision/Tessera.Vision.csproj
// The lesson's second half: larger photos, and a model for other programs. `dotnet run examples/lesson1-larger.cs`
using Tessera.NN;
using Tessera.Vision;

string photos = "assets/pets/images";
var options = new ImageDataOptions { Seed = 2, Exclude = ImageFiles.In(photos).Where((_, i) => i % 4 != 0).ToHashSet(StringComparer.Ordinal) };
ImageDataBunch Photos(int size) => ImageDataBunch.FromNameRegex(photos, @"/([^/]+)_\d+.jpg$", Transforms.Default(), size, batchSize: 16, options).Normalize(ImageNet.Stats);

var learn = ImageLearner.Create(Photos(64), Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.ErrorRate);
learn.FitOneCycle(2);
learn.Data = Photos(96); // the weights stay, the photos grow
learn.FitOneCycle(2);
learn.Save("stage-1-50");
learn.Unfreeze().FitOneCycle(1, lr: new(1e-6, 1e-4));

learn.Export("pets.safetensors");
var classifier = ImageClassifier.Load("pets.safetensors");
classifier.ExportOnnx("pets.onnx");
string photo = learn.Images.ValidSet!.Items[0].Path;
Console.WriteLine($"{photo}: {classifier.Predict(photo).Label}");
