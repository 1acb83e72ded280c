#:project ../src/Vision/Tessera.Vision.csproj
// From a folder of photos to a fine-tuned classifier, on small photos with one epoch a stage to be quick. `dotnet run examples/pets.cs`
using Tessera.NN;
using Tessera.Vision;

ImageDataBunch data = ImageDataBunch.FromNameRegex("assets/pets/images", @"/([^/]+)_\d+.jpg$", Transforms.Default(), size: 64, batchSize: 32).Normalize(ImageNet.Stats);
ImageLearner learn = ImageLearner.Create(data, Architecture.FromOnnx("assets/models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), Metrics.ErrorRate);
learn.FitOneCycle(1);
learn.Unfreeze().FitOneCycle(1, lr: new(1e-6, 1e-4));
learn.Export("pets.safetensors");

string photo = data.ValidSet!.Items[0].Path;
Console.WriteLine($"{photo}: {ImageClassifier.Load("pets.safetensors").Predict(photo).Label}");
