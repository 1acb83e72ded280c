namespace Tessera.Testing;

/// <summary>The form of every error about misuse.</summary>
public static class ErrorForm
{
    /// <summary>What was asked for, what came, what is expected, and what to do.</summary>
    const string Whole = @"^[^:\n]+: (?s:.*)got (?s:.+), expected (?s:.+)\. Hint: \S";

    /// <summary>Which file, what is wrong with it, and what to do.</summary>
    const string OfAFile = @"^[^\n]+: (?s:.+)[.)] Hint: \S";

    /// <summary>The form of an error, as a regular expression.</summary>
    public static string Of(Exception error) => error is DataException || error.Message.Contains("be written", StringComparison.Ordinal) ? OfAFile : Whole;
}
