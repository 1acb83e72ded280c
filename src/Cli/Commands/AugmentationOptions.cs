using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>How training photos are changed at random, and how numbers are normalised: options of the commands that train.</summary>
sealed class AugmentationOptions
{
    readonly Option<bool> none = new("--no-augment") { Description = "Leave training photos as they are, but for the crop." };
    readonly Option<bool> noFlip = new("--no-flip") { Description = "Do not mirror them: for digits, letters, whatever has a left and a right." };
    readonly Option<bool> flipVert = new("--flip-vert") { Description = "Turn and mirror them all eight ways: for photos from above or through a microscope." };
    readonly Option<double> maxRotate = Largest("--max-rotate", "Degrees that they are turned by either way; 0: not.", 10);
    readonly Option<double> maxZoom = Largest("--max-zoom", "Largest enlargement; 1: none.", 1.1);
    readonly Option<double> maxWarp = Largest("--max-warp", "Largest change of perspective; 0: none.", 0.2);
    readonly Option<double> maxLighting = Largest("--max-lighting", "Largest change of brightness and contrast, below 1; 0: none.", 0.2);
    readonly Option<string?> stats = Options.OneOf("--normalize", "By the means and deviations of ImageNet, of these photos, or not at all.", hasDefault: true, "imagenet", "photos", "none");

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { none, noFlip, flipVert, maxRotate, maxZoom, maxWarp, maxLighting, stats }) command.Add(option);
        command.Validators.Add(Check);
    }

    void Check(CommandResult result)
    {
        bool Given(Option option) => Options.IsGiven(result, option);
        if (Given(none) && new Option[] { noFlip, flipVert, maxRotate, maxZoom, maxWarp, maxLighting }.FirstOrDefault(Given) is { } other)
            result.AddError($"--no-augment, {other.Name}: got both, expected one of them: nothing is changed with --no-augment.");
        if (Given(noFlip) && Given(flipVert)) result.AddError("--no-flip, --flip-vert: got both, expected at most one of them.");
    }

    /// <summary>What happens to photos of training and of validation.</summary>
    public TransformPair Transforms(ParseResult args) => args.GetValue(none) ? Vision.Transforms.None() with { Train = [Vision.Transforms.RandCrop()] }
        : Vision.Transforms.Default(
            doFlip: !args.GetValue(noFlip), flipVert: args.GetValue(flipVert), maxRotate: args.GetValue(maxRotate), maxZoom: args.GetValue(maxZoom),
            maxLighting: args.GetValue(maxLighting), maxWarp: args.GetValue(maxWarp));

    /// <summary>The photos, normalised as was asked for.</summary>
    public ImageDataBunch Normalized(ParseResult args, ImageDataBunch data) => args.GetValue(stats) switch
    {
        "none" => data,
        "photos" => data.Normalize(),
        _ => data.Normalize(ImageNet.Stats),
    };

    static Option<double> Largest(string name, string description, double standard)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out double value) && !(value >= 0 && double.IsFinite(value)))
                result.AddError($"{name}: got {result.Tokens[0].Value}, expected a number of at least 0.");
        });
        return option;
    }
}
