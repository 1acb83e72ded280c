using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Photos with what a classifier made of them in one pass.</summary>
/// <param name="Photos">Files and classes.</param>
/// <param name="Predicted">The most probable class of each.</param>
/// <param name="Losses">The loss of each; NaN where the class is not known.</param>
/// <param name="Features">The output of the body, averaged over its places: <c>[N, F]</c>.</param>
sealed record SeenPhotos(IReadOnlyList<LabeledImage> Photos, IReadOnlyList<int> Predicted, IReadOnlyList<float> Losses, Tensor Features)
{
    public static SeenPhotos Of(ImageLearner learner, IEnumerable<DataLoader> sets)
    {
        var model = (Sequential)learner.Model; // body, head
        List<LabeledImage> photos = [];
        List<int> predicted = [];
        List<float> losses = [];
        List<Tensor> features = [];
        using var evaluating = learner.Model.Evaluating();
        using var noGrad = Autograd.NoGrad();
        foreach (var set in sets.Select(s => s.InOrder()))
        {
            if (set.Dataset is not ImageDataset images)
                throw new TesseraException(
                    $"CleaningList: no photos: got a {set.Dataset.GetType().Name}, expected an ImageDataset. "
                        + "Hint: use loaders of the image data bunch.");
            foreach (var batch in set.Epoch())
            {
                using var scope = Scope.Begin();
                var a = model[0].Call(learner.Data.Prepare(batch.X)); // [N, F, h, w]
                var scores = model.Skip(1).Aggregate(a, (y, module) => module.Call(y));
                features.Add(Scope.Keep(a.Mean([2, 3])));
                predicted.AddRange(scores.ArgMax(1).ToArray<long>().Select(c => (int)c));
                var items = batch.Items.ToArray().Select(i => images.Items[i]).ToArray();
                photos.AddRange(items);
                // A class that is not known counts as class 0 here and as no loss below.
                float[] loss = ClassificationInterpretation.Judge(learner.Loss).PerItem(scores, batch.Y.To(DType.Float32).Clamp(0).To(DType.Int64)).ToArray<float>();
                losses.AddRange(items.Zip(loss, (item, l) => item.Label < 0 ? float.NaN : l));
            }
        }
        if (photos.Count == 0) throw new TesseraException("CleaningList: no photos: got empty sets, expected at least one photo. Hint: attach photos with WithData.");
        var all = Tensor.Cat(features, 0);
        foreach (var part in features) part.Dispose();
        return new SeenPhotos(photos, predicted, losses, all);
    }
}
