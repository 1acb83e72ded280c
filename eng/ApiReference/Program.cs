// Writes the reference of the public API into docs/api: `dotnet run -c Release --project eng/ApiReference`.
using Tessera.ApiReference;

string? root = Environment.CurrentDirectory;
while (root is not null && !File.Exists(Path.Combine(root, "tessera.slnx"))) root = Path.GetDirectoryName(root);
if (root is null)
{
    Console.Error.WriteLine($"{Environment.CurrentDirectory}: not in a clone of Tessera");
    return 2;
}
string folder = Path.Combine(root, "docs", "api");
Directory.CreateDirectory(folder);
var pages = Reference.Pages(root);
foreach (string old in Directory.EnumerateFiles(folder, "*.md").Where(f => !pages.ContainsKey(Path.GetFileName(f))).ToArray()) File.Delete(old);
foreach (var (name, text) in pages) File.WriteAllText(Path.Combine(folder, name), text);
Console.WriteLine($"{folder}: {pages.Count} pages, {pages.Values.Sum(t => t.Length) >> 10} KiB");
return 0;
