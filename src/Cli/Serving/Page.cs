namespace Tessera.Cli;

/// <summary>Pages that are part of the assembly.</summary>
static class Page
{
    /// <summary>The text of a file of this project, by its path with dots.</summary>
    public static string Text(string name)
    {
        using var stream = typeof(Page).Assembly.GetManifestResourceStream(name) ?? throw new TesseraException($"{name}: no such page in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
