using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Tessera.Vision;

/// <summary>JSON without reflection, so that trimmed and ahead-of-time compiled programs can load models.</summary>
[JsonSourceGenerationOptions(IncludeFields = true)] // pairs of numbers are tuples
[JsonSerializable(typeof(ImageClassifier.Description))]
[JsonSerializable(typeof(Transform))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(float[]))]
sealed partial class DescriptionJson : JsonSerializerContext;

/// <summary>
/// The description of a model whose transforms and cuts say all their parameters, as <see cref="ImageClassifier.Save"/> writes them. One that is missing would
/// become 0: generated readers do not know what a property is by default.
/// </summary>
static class WholeDescription
{
    static readonly JsonSerializerOptions options = new(DescriptionJson.Default.Options) { TypeInfoResolver = DescriptionJson.Default.WithAddedModifier(RequireAll) };

    public static JsonTypeInfo<ImageClassifier.Description> Form { get; } = (JsonTypeInfo<ImageClassifier.Description>)options.GetTypeInfo(typeof(ImageClassifier.Description));

    static void RequireAll(JsonTypeInfo info)
    {
        if (!info.Type.IsAssignableTo(typeof(Transform)) && info.Type != typeof(Uniform) && info.Type != typeof(ZoomSquishTry) && info.Type != typeof(Presize)) return;
        foreach (var property in info.Properties)
            if (property.Set is not null) property.IsRequired = true;
    }
}
