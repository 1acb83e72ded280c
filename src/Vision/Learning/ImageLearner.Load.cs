using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageLearner
{
    /// <summary>
    /// The learner that <see cref="Export"/> wrote, without its photos: it predicts, and <c>learn.GetPreds(learn.Data.Test)</c> classifies the photos of a folder.
    /// With <see cref="WithData"/> it trains on: loss, layer groups, freezing, optimizer (but for its moments), weight decay, metrics, callbacks and precision are as they were, and
    /// <see cref="Learner.Recorder"/> has the course of its training, for plots and reports. What a file cannot hold, such as a loss or an optimizer of your own, <see cref="Report"/> names.
    /// Callbacks that write files write into <see cref="Learner.ModelFolder"/> then, under the names they had: the file holds no paths.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="testFolder">A folder of photos to predict; null for none.</param>
    /// <exception cref="DataException">The file is missing, damaged, of another kind or of a newer version; or there are no photos in the folder.</exception>
    public static ImageLearner LoadLearner(string path, string? testFolder = null)
    {
        var c = ImageClassifier.Load(path);
        var data = ImageDataBunch.ForPrediction(c.Classes, c.Pipeline, c.Stats, testFolder, c.Learning?.Split);
        string[] remarks = [c.Learning?.Written ?? "", c.Learning?.Remark ?? ""];
        var backbone = c.Backbone with { Report = string.Join("; ", [$"{Path.GetFileName(path)}: {c.Network.Name}", .. remarks.Where(r => r.Length > 0)]) };
        var model = (Sequential)c.Model;
        var learner = new ImageLearner(data, c.Network, backbone, model, c.Learning?.MakeLoss() ?? new CrossEntropyLoss(), c.Learning?.KnownMetrics ?? []) { LayerGroups = Groups(c.Backbone, model) };
        if (c.History is { } history) learner.Recorder = learner.History = history;
        if (c.Learning is not { } l) return learner;
        if (l.SplitAt is { } at) learner.LayerGroups = SplitAt(model, at, path);
        int count = learner.LayerGroups.Count, saved = l.Groups > 0 ? l.Groups : c.Backbone.Graph is null ? count : 2; // a graph and the head were two once
        if (l.FrozenTo > saved) throw new DataException($"{path}: the description of the model is impossible: got layer groups frozen to {l.FrozenTo}, expected 0..{saved}.");
        (learner.Wd, learner.TrueWd, learner.BnWd, learner.TrainBn, learner.EpochsTrained) = (l.Decay, l.TrueWd, l.BnWd, l.TrainBn, l.Epochs);
        learner.TrainedBatchSize = l.BatchSize;
        if (!l.LiveBatchNorms) learner.FreezeBatchNorms();
        if (l.FrozenTo > 0) learner.FreezeTo(Math.Max(0, count - (saved - l.FrozenTo)));
        if (l.OptimizerSettings is { } optimizer) learner.Restore(optimizer);
        foreach (var callback in l.KnownCallbacks) learner.Callbacks.Add(callback);
        if (l.Precision is { } precision) learner.Restore(precision);
        return learner;
    }

    /// <summary>
    /// Attaches photos to train on with. They must have the classes of this network in its order; where they are not normalised, they get its statistics.
    /// </summary>
    /// <param name="data">The photos; <see cref="ImageDataOptions.Classes"/> fixes the classes and their order.</param>
    /// <exception cref="DataException">The classes differ.</exception>
    public ImageLearner WithData(ImageDataBunch data)
    {
        ArgumentNullException.ThrowIfNull(data);
        RequireClasses(data, "WithData");
        if (data.Stats is null && images.Stats is { } stats) data.Normalize(stats);
        Data = data;
        return this;
    }

    /// <summary>Photos of other classes are an error, for the outputs of the network are those of its own; photos that are normalised otherwise make other numbers of the same colour.</summary>
    internal override string? Doubt(DataBunch data)
    {
        if (data is not ImageDataBunch next || Data is not ImageDataBunch) return null;
        RequireClasses(next, "Data");
        return ImageStats.AreAlike(next.Stats, images.Stats) ? null
            : $"Data: photos are normalised otherwise than before: got {next.Stats?.ToString() ?? "none"}, expected {images.Stats?.ToString() ?? "none"}. "
                + (next.Stats is null ? "Hint: data.Normalize(...) with those numbers, or learn.WithData(data), which does it." : "Hint: what was learned before is of the other numbers.");
    }

    void RequireClasses(ImageDataBunch data, string operation)
    {
        if (data.Classes.SequenceEqual(images.Classes, StringComparer.Ordinal)) return;
        throw new DataException(
            $"{operation}: other classes: got {string.Join(", ", data.Classes)}, expected {string.Join(", ", images.Classes)}. "
                + "Hint: give ImageDataOptions.Classes = learn.Images.Classes, or make a new learner.");
    }

    /// <summary>What a photo is, before any training: the most probable class and the probability of each.</summary>
    public Prediction Predict(Image image) => ToClassifier().Predict(image);

    LearningDescription Described()
    {
        var optimizer = OptimizerSettings;
        var callbacks = Callbacks.Where(c => c is not BatchNormFreeze).ToLookup(c => c.Settings is { } s && s.Numbers.All(double.IsFinite) && s.IsWhole());
        var (splitAt, otherGroups) = DescribedGroups();
        return new(Loss.Name, [.. Metrics.Select(m => m.Name)], optimizer.Kind, Wd.OfAll ?? 0, TrueWd, BnWd, TrainBn, !Callbacks.OfType<BatchNormFreeze>().Any(), FrozenTo, EpochsTrained)
        {
            LabelSmoothing = Loss switch { CrossEntropyLoss c => c.LabelSmoothing, LabelSmoothingCrossEntropy c => c.Eps, _ => 0 },
            ClassWeights = (Loss as CrossEntropyLoss)?.Weight?.To(Device.Cpu).ToArray<float>(),
            WdOfGroups = Wd.Each,
            BatchSize = TrainedBatchSize,
            Groups = LayerGroups.Count,
            SplitAt = splitAt,
            OtherGroups = otherGroups,
            Split = images.ValidationSplit,
            OptimizerSettings = optimizer,
            Callbacks = [.. callbacks[true].Select(c => c.Settings!).Where(s => s.Name is null)],
            FileCallbacks = [.. callbacks[true].Select(c => c.Settings!).Where(s => s.Name is not null)],
            OtherCallbacks = [.. callbacks[false].Where(c => !c.IsObserver || c.Settings is not null).Select(c => c.GetType().Name)],
            Precision = PrecisionSettings,
        };
    }
}
