using System.Text.Json.Serialization;

namespace Tessera.Cli;

/// <summary>What a model says about a photo.</summary>
/// <param name="Label">The most probable class.</param>
/// <param name="Probability">Its probability.</param>
/// <param name="Classes">All classes, the most probable first.</param>
/// <param name="Heatmap">A picture as data URI, where it was asked for.</param>
sealed record PhotoAnswer(string Label, float Probability, IReadOnlyList<ClassAnswer> Classes, string? Heatmap);

/// <summary>A class and its probability.</summary>
sealed record ClassAnswer(string Label, float Probability);

/// <summary>What was wrong, and the cure where there is one.</summary>
sealed record ErrorAnswer(string Error, string? Hint);

/// <summary>Whether the server answers, and with which model.</summary>
sealed record HealthAnswer(string Status, string Model, int Classes);

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PhotoAnswer))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(HealthAnswer))]
sealed partial class AnswerJson : JsonSerializerContext;
