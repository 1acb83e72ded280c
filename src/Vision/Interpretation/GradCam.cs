using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// Which places of a photo speak for a class (Selvaraju et al., 2017): with A the output of the body, <c>[C, h, w]</c>, and s the score of the
/// class before the softmax, w_c = mean over the places of ∂s/∂A_c, and the map is ReLU(Σ_c w_c·A_c).
/// </summary>
/// <param name="Map">The map <c>[h, w]</c>, not negative, in units of the score.</param>
/// <param name="Class">The class it is for.</param>
/// <param name="Photo">The photo as the model got it, before normalisation.</param>
/// <example><code>
/// var cam = GradCam.Of(learn, Image.Load("cat.jpg"));
/// Console.WriteLine($"{learn.Images.Classes[cam.Class]}: {cam.Map.Length} places");
/// </code></example>
public sealed record GradCam(float[,] Map, int Class, Image Photo)
{
    /// <summary>Fewer places than this say little: plots leave such maps out.</summary>
    public const int LeastPlaces = 16;

    /// <summary>True where the map has at least <see cref="LeastPlaces"/> places.</summary>
    public bool IsFine => Map.Length >= LeastPlaces;

    /// <summary>The class and the sizes of map and photo.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"heat map of class {Class}: {Map.GetLength(0)} x {Map.GetLength(1)} places over a photo of {Photo.Height} x {Photo.Width}");

    /// <summary>(1 - α)·photo + α·colour of the map, which is scaled up bilinearly.</summary>
    /// <param name="alpha">α, 0 to 1.</param>
    /// <param name="colors">Default magma.</param>
    /// <exception cref="TesseraException">α outside 0 to 1.</exception>
    public Image Overlay(double alpha = 0.4, ColorMap? colors = null) => HeatOverlay.Over(Photo, Map, colors, alpha);

    /// <summary>The map of a photo of a data set.</summary>
    /// <param name="learner">Its model is a <see cref="Sequential"/>: first the body, then the pool and the head.</param>
    /// <param name="item">0..number of items - 1.</param>
    /// <param name="classIndex">For which class; default the true one, or the predicted one where the true one is not known.</param>
    /// <param name="set">Of which set; default the validation set.</param>
    /// <exception cref="TesseraException">The model has no body and head, or there is no such item or class.</exception>
    public static GradCam Of(Learner learner, int item, int? classIndex = null, DataLoader? set = null) => Of(learner, [item], classIndex, set)[0];

    /// <summary>The maps of several photos of a data set, computed together.</summary>
    /// <inheritdoc cref="Of(Learner, int, int?, DataLoader?)"/>
    /// <param name="learner">Its model is a <see cref="Sequential"/>: first the body, then the pool and the head.</param>
    /// <param name="items">Each 0..number of items - 1.</param>
    /// <param name="classIndex">For which class; default the true one of each, or the predicted one where that is not known.</param>
    /// <param name="set">Of which set; default the validation set.</param>
    public static IReadOnlyList<GradCam> Of(Learner learner, IReadOnlyList<int> items, int? classIndex = null, DataLoader? set = null)
    {
        ArgumentNullException.ThrowIfNull(learner);
        ArgumentNullException.ThrowIfNull(items);
        set = set is null ? learner.WholeSet() : learner.WholeSet(set, "GradCam");
        List<GradCam> maps = [];
        foreach (int[] some in items.Chunk(set.BatchSize))
        {
            LoadedItem[] loaded = [.. some.Select(i => LoadedItem.Of(set, i))];
            Scope.Run(() =>
            {
                var x = LoadedItem.Batch(loaded, set.Device);
                var cams = Maps(learner, x, [.. loaded.Select(l => classIndex ?? (l.Label < 0 ? null : l.Label))]);
                maps.AddRange(cams.Zip(loaded, (cam, l) => new GradCam(cam.Map, cam.Class, l.ToImage())));
            });
        }
        return maps;
    }

    /// <summary>The map of any photo.</summary>
    /// <param name="learner">The model.</param>
    /// <param name="image">The photo; it goes through the transforms of validation.</param>
    /// <param name="classIndex">For which class; default the predicted one.</param>
    /// <exception cref="TesseraException">There is no such class.</exception>
    public static GradCam Of(ImageLearner learner, Image image, int? classIndex = null)
    {
        ArgumentNullException.ThrowIfNull(learner);
        GradCam? cam = null;
        Scope.Run(() =>
        {
            var x = learner.Photo(image);
            var (map, c) = Maps(learner, x, [classIndex])[0];
            cam = new GradCam(map, c, Pictures.Of(x.Permute(0, 2, 3, 1).ToArray<float>(), x.Shape[2], x.Shape[3]));
        });
        return cam!;
    }

    /// <summary>The maps of a batch <c>[N, C, H, W]</c>; where a class is null, for the predicted one.</summary>
    static (float[,] Map, int Class)[] Maps(Learner learner, Tensor x, int?[] classes)
    {
        var (body, head) = Parts(learner.Model);
        using var inspecting = learner.Model.Inspecting();
        var a = Autograd.NoGrad(() => body.Call(learner.Data.Prepare(x))).Detach(); // [N, C, h, w]
        if (a.Rank != 4) throw Unfit(learner.Model, $"a body that gives {a.Shape}");
        a.RequiresGrad = true;
        var scores = head.Aggregate(a, (y, module) => module.Call(y)); // [N, classes]
        if (scores.Rank != 2) throw Unfit(learner.Model, $"scores of shape {scores.Shape}");
        long[] best = scores.ArgMax(1).ToArray<long>();
        int[] wanted = [.. classes.Select((c, i) => c ?? (int)best[i])];
        if (Array.FindIndex(wanted, c => (uint)c >= (uint)scores.Shape[1]) is var wrong and >= 0)
            throw new TesseraException(FormattableString.Invariant($"GradCam: no such class: got {wanted[wrong]}, expected 0..{scores.Shape[1] - 1}. Hint: a class is its index in data.Classes."));
        scores.Gather(1, Tensor.From(Array.ConvertAll(wanted, c => (long)c), [wanted.Length, 1], x.Device)).Sum().Backward();
        using var noGrad = Autograd.NoGrad();
        var weights = a.Grad!.Mean([2, 3], keepDim: true);
        return [.. Planes((weights * a).Sum(1).Relu()).Zip(wanted)];
    }

    static (Module Body, IEnumerable<Module> Head) Parts(Module model) =>
        model is Sequential { Count: >= 2 } parts ? (parts[0], parts.Skip(1)) : throw Unfit(model, $"a {model.GetType().Name}");

    static TesseraException Unfit(Module model, string got) => new(
        $"GradCam: no body and head: got {got}, expected a Sequential of a body that gives feature maps [N, C, h, w] and what makes scores [N, classes] of them."
        + (model is Sequential ? "" : " Hint: put pool and classifier into modules of their own: new Sequential(body, head)."));

    /// <summary>The planes of <c>[N, h, w]</c>.</summary>
    static IEnumerable<float[,]> Planes(Tensor maps)
    {
        var (h, w) = (maps.Shape[1], maps.Shape[2]);
        foreach (float[] flat in maps.ToArray<float>().Chunk(h * w))
        {
            float[,] plane = new float[h, w];
            Buffer.BlockCopy(flat, 0, plane, 0, flat.Length * sizeof(float));
            yield return plane;
        }
    }
}
