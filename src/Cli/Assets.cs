namespace Tessera.Cli;

/// <summary>Finds the photos and the network that come with the repository.</summary>
static class Assets
{
    /// <summary>A file or folder under <c>assets/</c>, of the working directory or of a folder above it or above the tool.</summary>
    /// <exception cref="DataException">The tool runs outside of the repository.</exception>
    public static string Find(string relative, string cure)
    {
        foreach (string start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                string path = Path.Combine(folder.FullName, "assets", relative);
                if (File.Exists(path) || Directory.Exists(path)) return Path.GetRelativePath(Environment.CurrentDirectory, path);
            }
        }
        throw new DataException($"assets/{relative}: not found here or in a folder above: it comes with the repository, not with the tool. Hint: {cure}");
    }
}
