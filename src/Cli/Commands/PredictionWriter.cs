using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>Predictions as text for people, as a table, or as JSON; one photo after the other.</summary>
abstract class PredictionWriter
{
    public static PredictionWriter For(string format, TextWriter writer, IReadOnlyList<string> classes, int top) => format switch
    {
        "csv" => new Csv(writer, classes),
        "json" => new Json(writer, classes),
        _ => new Text(writer, classes, top),
    };

    public virtual void Begin() { }

    public abstract void Photo(string path, Prediction prediction);

    /// <summary>A photo that could not be read, and why.</summary>
    public abstract void Unreadable(string path, string why);

    public virtual void End() { }

    static string Number(float p) => p.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>"photo: class 0.9870, class 0.0110"; what is unreadable is said at the end only.</summary>
    sealed class Text(TextWriter writer, IReadOnlyList<string> classes, int top) : PredictionWriter
    {
        public override void Photo(string path, Prediction prediction) => writer.WriteLine(Printable.Of($"{path}: {Best(prediction)}"));

        public override void Unreadable(string path, string why) { }

        string Best(Prediction prediction) => string.Join(", ", prediction.Probabilities.Index()
            .OrderByDescending(p => p.Item).Take(top)
            .Select(p => string.Create(CultureInfo.InvariantCulture, $"{classes[p.Index]} {p.Item:0.0000}")));
    }

    /// <summary>file, label, error, then the probability of each class.</summary>
    sealed class Csv(TextWriter writer, IReadOnlyList<string> classes) : PredictionWriter
    {
        public override void Begin() => Row(["file", "label", "error", .. classes]);

        public override void Photo(string path, Prediction prediction) => Row([path, prediction.Label, "", .. prediction.Probabilities.Select(Number)]);

        public override void Unreadable(string path, string why) => Row([path, "", why, .. classes.Select(_ => "")]);

        void Row(IEnumerable<string> cells) => writer.WriteLine(string.Join(',', cells.Select(Cell)));

        /// <summary>In quotes where it must be (RFC 4180).</summary>
        static string Cell(string text) => text.AsSpan().ContainsAny("\",\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }

    /// <summary>An array with an object a photo: file, label and probabilities, or file and error.</summary>
    sealed class Json(TextWriter writer, IReadOnlyList<string> classes) : PredictionWriter
    {
        static readonly JsonWriterOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

        string between = "[\n  ";

        public override void Photo(string path, Prediction prediction) => Object(json =>
        {
            json.WriteString("file", path);
            json.WriteString("label", prediction.Label);
            json.WriteStartObject("probabilities");
            foreach (var (c, p) in prediction.Probabilities.Index()) json.WriteNumber(classes[c], p);
            json.WriteEndObject();
        });

        public override void Unreadable(string path, string why) => Object(json =>
        {
            json.WriteString("file", path);
            json.WriteString("error", why);
        });

        public override void End() => writer.WriteLine("\n]");

        void Object(Action<Utf8JsonWriter> write)
        {
            using var bytes = new MemoryStream();
            using (var json = new Utf8JsonWriter(bytes, plain))
            {
                json.WriteStartObject();
                write(json);
                json.WriteEndObject();
            }
            writer.Write(between + Encoding.UTF8.GetString(bytes.ToArray()));
            between = ",\n  ";
        }
    }
}
