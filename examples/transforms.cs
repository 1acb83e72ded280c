#:project ../src/Vision/Tessera.Vision.csproj
// What training does to a photo before the network sees it. `dotnet run examples/transforms.cs`, then look at the pictures.
using Tessera.NN;
using Tessera.Vision;

// One photo, one transform a picture: numbers are fixed, ranges such as (-25, 25) are drawn from once a photo.
var photo = Image.Load("assets/pets/images/Abyssinian_1.jpg");
foreach (var (name, transforms) in new (string, IReadOnlyList<Transform>)[]
{
    ("flip", [new FlipLeftRight()]), ("rotate", [new Rotate(25)]), ("zoom", [new Zoom(1.6)]), ("warp", [new SymmetricWarp(0.3, -0.1, 0.2, 0)]),
    ("brightness", [new Brightness(0.75)]), ("cutout", [new Cutout { Holes = (3, 3) }]), ("all", Transforms.Default().Train),
})
{
    var (pixels, height, width) = new TransformPipeline(transforms, size: 160).Apply(photo, new ItemRandom(seed: 42, epoch: 0, item: 7), PixelLayout.Hwc);
    new Image(width, height, [.. pixels.Select(p => (byte)((255 * p) + 0.5f))]).Save($"{name}.png");
}

// The same as training will draw it, for the first batch; validation photos are only brought to size.
var data = ImageDataBunch.FromNameRegex("assets/pets/images", @"/([^/]+)_\d+.jpg$", Transforms.Default(maxRotate: 20), size: 128, batchSize: 16);
data.ShowBatch(rows: 3).Save("training.png");
data.ShowBatch(rows: 3, data.Valid).Save("validation.png");
Console.WriteLine(string.Join(" ", Directory.EnumerateFiles(".", "*.png").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)));
