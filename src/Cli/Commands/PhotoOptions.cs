using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>Which photos, and how their classes are known: options that commands share.</summary>
/// <param name="ofModel">True where a trained model says what is not given: its size, seed and share held back.</param>
sealed class PhotoOptions(bool ofModel = false)
{
    const ulong usualSeed = 42;

    readonly Argument<string?> folder = Options.Path<string?>("data", "Folder of photos.", ArgumentArity.ZeroOrOne);
    readonly Option<string?> regex = new("--regex") { Description = "Pattern whose first group in a photo's path is its class." };
    readonly Option<string?> csv = new("--csv") { Description = "Table of separated values with a header row: file and class." };
    readonly Option<bool> noHeader = new("--no-header") { Description = "The first row of the table is a photo; columns are called by their numbers." };
    readonly Option<string?> delimiter = new("--delimiter") { Description = "What stands between two values of the table (found out)." };
    readonly Option<string> fileColumn = new("--file-column") { Description = "Header or number of the file column.", DefaultValueFactory = _ => "0" };
    readonly Option<string> labelColumn = new("--label-column") { Description = "Header or number of the class column.", DefaultValueFactory = _ => "1" };
    readonly Option<string> suffix = new("--suffix") { Description = "Added to every file name of the table, such as .jpg.", DefaultValueFactory = _ => "" };
    readonly AugmentationOptions? augmentation = ofModel ? null : new();
    readonly Option<int?> size = Options.Number<int?>("--size",
        $"Side of a photo in pixels ({(ofModel ? "that of the model" : "224; 160 for the photos of the repository")}).", 1, null);
    readonly Option<int?> presize = Options.Number<int?>("--presize",
        "Cut photos to a square of so many pixels first: a random window for training, the centre for validation "
        + $"({(ofModel ? "as in training" : "460 is usual for --size 224")}).", 1, null);
    readonly Option<int> batchSize = Options.Number("--bs", "Photos a batch.", 1, 16);
    readonly Option<ulong?> seed = new("--seed") { Description = ofModel ? "Fixes the split (that of training)." : $"Fixes split, order, transforms and start weights ({usualSeed})." };
    readonly Option<double?> valid = new("--valid")
    {
        Description = $"Share of the photos held back for validation ({(ofModel ? "as in training" : "0.2")}; the folder valid/ or val/ where there is one beside train/).",
    };
    readonly Option<int?> workers = Options.Number<int?>("--workers", "Threads that decode and transform photos; 0: none beside the main one.", 0, null);

    /// <summary>The argument and the options that say which photos and classes.</summary>
    public void AddSourceTo(Command command)
    {
        command.Add(folder);
        foreach (Option option in new Option[] { regex, csv, noHeader, delimiter, fileColumn, labelColumn, suffix, seed, valid }) command.Add(option);
        command.Validators.Add(Check);
    }

    /// <summary>Nothing is left out without a word.</summary>
    void Check(CommandResult result)
    {
        bool Given(Option option) => Options.IsGiven(result, option);
        if (Given(csv) && Given(regex)) result.AddError("--csv, --regex: got both, expected one of them: classes come from the table or from the names.");
        if (!Given(csv) && new Option[] { noHeader, delimiter, fileColumn, labelColumn, suffix }.FirstOrDefault(Given) is { } other)
            result.AddError($"{other.Name}: got no --csv, expected the table it is about.");
    }

    /// <summary>These, and how photos come in batches.</summary>
    public void AddTo(Command command)
    {
        AddSourceTo(command);
        foreach (Option option in new Option[] { size, presize, batchSize, workers }) command.Add(option);
        augmentation?.AddTo(command);
    }

    /// <summary>The table of classes; null where none was named.</summary>
    public string? Table(ParseResult args) => args.GetValue(csv);

    /// <summary>Seed of split, order, transforms and start weights.</summary>
    public ulong Seed(ParseResult args) => args.GetValue(seed) ?? usualSeed;

    /// <summary>False where the photos of the repository are meant: they are small and few.</summary>
    public bool AreOwn(ParseResult args) => args.GetValue(folder) is not null || args.GetValue(csv) is not null;

    /// <summary>The photos for training and validation, changed and normalised as the options say.</summary>
    public ImageDataBunch ToBunch(ParseResult args) => augmentation!.Normalized(args, Bunch(args, augmentation.Transforms(args), check: true));

    /// <summary>The photos as a trained model takes them, split as in its training unless options say otherwise, for <see cref="ImageLearner.WithData"/>, which normalises them.</summary>
    public ImageDataBunch ToBunch(ParseResult args, ImageLearner model) => Bunch(args, Transforms.Default() with { Valid = model.Images.ValidPipeline.Transforms }, check: true, model.Images);

    /// <summary>The photos and their classes; none is opened.</summary>
    public ImageDataBunch Listed(ParseResult args) => Bunch(args, Transforms.None(), check: false);

    ImageDataBunch Bunch(ParseResult args, TransformPair transforms, bool check, ImageDataBunch? like = null)
    {
        var options = new ImageDataOptions
        {
            Seed = Seed(args),
            ValidFraction = args.GetValue(valid),
            Workers = args.GetValue(workers),
            Check = check,
            Presize = args.GetValue(presize) is { } cut ? new Presize(cut) : like?.Presize,
        };
        if (like is not null) options = Like(args, options, like);
        int bs = Math.Max(1, args.GetValue(batchSize));
        ImageSize side = args.GetValue(size) ?? like?.Size ?? (AreOwn(args) ? 224 : 160);
        string? path = args.GetValue(folder);
        if (args.GetValue(csv) is { } table)
        {
            return ImageDataBunch.FromCsv(
                table, path, args.GetValue(fileColumn)!, args.GetValue(labelColumn)!, args.GetValue(suffix)!, transforms, size: side, batchSize: bs,
                    options: options, header: !args.GetValue(noHeader), delimiter: args.GetValue(delimiter));
        }
        path ??= Assets.Find("pets/images", "give a folder of photos: tessera train photos/");
        string? pattern = args.GetValue(regex);
        return pattern is null && HasClassFolders(path)
            ? ImageDataBunch.FromFolder(path, transforms: transforms, size: side, batchSize: bs, options: options)
            : ImageDataBunch.FromNameRegex(path, pattern ?? NamePattern(path), transforms, side, bs, options);
    }

    ImageDataOptions Like(ParseResult args, ImageDataOptions options, ImageDataBunch model) => options with
    {
        Seed = args.GetValue(seed) ?? model.ValidationSplit?.Seed ?? usualSeed,
        ValidFraction = options.ValidFraction ?? model.ValidationSplit?.Share,
        Classes = model.Classes,
        Resize = model.Resize,
        Padding = model.ValidPipeline.Padding,
        Interpolation = model.ValidPipeline.Mode,
    };

    /// <summary>The class is what stands before the last underscore and number, as in Bengal_12.jpg.</summary>
    static string NamePattern(string path)
    {
        const string pattern = @"/([^/]+)_\d+\.[^./]+$";
        return Array.Find(ImageFiles.In(path, recurse: true), photo => !Regex.IsMatch("/" + Path.GetFileName(photo), pattern)) is not { } odd
            ? pattern
            : throw new DataException($"{odd}: the name does not match class_number, as Bengal_12.jpg does. Hint: give --regex or --csv, or put the photos into one sub-folder a class.");
    }

    static bool HasClassFolders(string path) => Directory.Exists(path) && ImageFiles.In(path).Length == 0;
}
