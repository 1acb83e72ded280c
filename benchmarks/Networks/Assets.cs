namespace Tessera.Benchmarks;

/// <summary>Finds what comes with the repository.</summary>
static class Assets
{
    /// <summary>A folder under <c>assets/</c> of the working directory or of a folder above it or above the program.</summary>
    public static string Folder(string relative)
    {
        foreach (string start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                string path = Path.Combine(folder.FullName, "assets", relative);
                if (Directory.Exists(path)) return path;
            }
        throw new DirectoryNotFoundException($"assets/{relative}: not found here or in a folder above. Hint: run inside the repository, or give --data.");
    }
}
