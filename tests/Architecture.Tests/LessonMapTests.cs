using System.Text.RegularExpressions;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// Where the traps of the lesson and its known numbers are tested. A line names a test as FILE.METHOD, so that a test that is renamed or lost is missed here.
/// </summary>
public sealed class LessonMapTests
{
    static readonly (string What, string[] Tests)[] traps =
    [
        ("the head pools maxima before means", ["LayerTests.ConcatPoolPutsMaximaBeforeMeans", "ImageLearnerTests.HeadIsTheLessons"]),
        ("dropout stands behind batch norm and before the linear layer, ReLU before the next batch norm", ["ImageLearnerTests.HeadIsTheLessons"]),
        ("frozen batch norms learn, and their statistics move", ["FreezingTests.FrozenGroupsStandStillButTheirBatchNormsLearnAndMove", "ImageLearnerTests.BatchNormsOfTheBodyFollowThePhotosWhereTheyAreLive", "LayerTests.FrozenBatchNormStillMovesItsStatistics"]),
        ("freezing and unfreezing throw the optimizer's state away", ["FreezingTests.FreezingReplacesTheOptimizerAndFittingKeepsIt"]),
        ("loading tries to restore the optimizer's state and leaves out one that does not fit", ["SaveTests.TrainingGoesOnAsIfItHadNotBeenSaved", "SaveTests.AnOptimizersStateOfAnotherFreezingIsLeftOut"]),
        ("weight decay is multiplied by the scheduled rate and touches biases and batch norms by default", ["WeightDecayTests.DecayIsMultipliedByTheScheduledRateAndTouchesBiasesAndBatchNormsByDefault", "OptimizerGoldenTests.StepsAsRecorded"]),
        ("frozen biases do not shrink", ["WeightDecayTests.FrozenParametersAndTheirBiasesDoNotShrink", "OptimizerTests.LeavesFrozenAndUnusedParametersAlone"]),
        ("smoothing begins again with each fit call", ["LearnerTests.TheTrainLossIsSmoothedFromTheBeginOfTheCall"]),
        ("the search for rates ends by the smoothed loss", ["LearningRateSearchTests.SearchesAsRecorded", "LearningRateFinderTests.ItEndsWhenTheLossGrows"]),
        ("the search for rates leaves no trace", ["LearningRateFinderTests.NothingIsChangedByIt", "LearningRateFinderTests.TrainingIsTheSameWithAndWithoutIt"]),
        ("light comes after resampling and before flip and crop", ["TransformTests.LightingDoesNotTouchTheCropsPadding", "AugmentGoldenTests.Pixels"]),
        ("padding reflects about pixel centres", ["TransformTests.SamplerReflectsAboutPixelCentres", "TransformTests.PaddingModes"]),
        ("the sampler has aligned corners", ["TransformTests.MovesThePixel", "AugmentGoldenTests.SamplingPoints"]),
        ("a seeded split does not depend on the order of the file system", ["DataTrapTests.TheSplitDoesNotDependOnTheFileSystem", "ImageFilesTests.OneFolderSortedOrdinally"]),
        ("regular expressions see forward slashes", ["DataTrapTests.RegularExpressionsSeeForwardSlashes"]),
        ("training drops the last incomplete batch, validation does not", ["DataTrapTests.TheWholePetsHaveTheNumbersOfTheLesson"]),
        ("the validation loss is weighted by the size of the batches", ["LearnerTests.ValidationWeighsBatchesBySize"]),
        ("a slice of one number is a tenth for all but the last group", ["LearningRateTests.SpreadsAsRecorded", "LearningRateTests.AFloatIsOneRateForAll", "LearningRateTests.OneGroupTakesTheEndOfASlice"]),
        ("photos are turned as they say", ["ImageTests.OrientationMovesEveryPixel", "ImageGoldenTests.Decodes"]),
        ("photos are read by their content, whatever they are called", ["ImageGoldenTests.Decodes", "ImageGoldenTests.ToleratesBytesBeforeTheEndMarker"]),
        ("losses of an interpretation are one an item, in the order of the set", ["ClassificationInterpretationTests.ResultsAreInTheOrderOfTheSetWhateverTheBatchSize"]),
        ("the probability shown is exp(-loss)", ["ClassificationInterpretationTests.ProbabilityOfTheActualClassIsExpOfMinusTheLoss"]),
        ("predictions do not depend on the batch size", ["LearnerTests.PredictionsDoNotDependOnTheBatchSizeAndComeInOrder", "LessonNumbersTests.OneAndSixtyFourPhotosABatchPredictTheSame"]),
    ];

    static readonly (string What, string[] Tests)[] numbers =
    [
        ("1. one cycle over 368 batches", ["OneCycleTests.HasTheLessonsNumbers", "OneCycleTests.RunsAsRecorded"]),
        ("2. rates that are tried", ["LessonNumbersTests.RatesThatAreTried"]),
        ("3. the smoothed loss", ["LessonNumbersTests.TheSmoothedLoss"]),
        ("4. permutations of NumPy", ["ImageListTests.LegacySeedsGiveNumPysPermutation"]),
        ("5. homographies of the warp", ["TransformTests.WarpHomographies"]),
        ("6. light", ["TransformTests.LightingShiftsLogits", "LessonNumbersTests.LightByDefault"]),
        ("7. sizes of a photo", ["TransformPipelineTests.CropAndPadOfALandscapePhoto"]),
        ("8. slices", ["LessonNumbersTests.Slices"]),
        ("9. where a pixel goes", ["TransformTests.MovesThePixel"]),
        ("10. steps of the error rate", ["LessonNumbersTests.StepsOfTheErrorRate"]),
    ];

    static readonly Lazy<ILookup<string, string>> files = new(() => Repository.Files
        .Where(f => f.StartsWith("tests/", StringComparison.Ordinal) && f.EndsWith("Tests.cs", StringComparison.Ordinal))
        .ToLookup(f => Path.GetFileNameWithoutExtension(f), Repository.Full, StringComparer.Ordinal));

    static IEnumerable<TestCaseData> Lines => traps.Concat(numbers).Select(l => new TestCaseData(l.What, l.Tests).SetArgDisplayNames(l.What));

    [TestCaseSource(nameof(Lines))]
    public void IsTested(string what, string[] tests)
    {
        foreach (string test in tests)
        {
            var (file, method) = (test.Split('.')[0], test.Split('.')[1]);
            Assert.That(files.Value[file].Count(f => Regex.IsMatch(File.ReadAllText(f), $@"\[Test.*\](\s*//.*)?\s+(\[.*\]\s+)*public \w+ {method}\(")), Is.EqualTo(1), $"{what}: no test {test}");
        }
    }
}
