using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>
/// A library of NVIDIA's that is used where it is found and never required. It is looked for under its versioned names: in the folders the system
/// searches, in a CUDA toolkit, and in the packages of a Python environment. An environment variable turns it off, or names its file.
/// </summary>
internal sealed class VendorLibrary
{
    readonly nint handle;

    VendorLibrary(string path, nint handle) => (Path, this.handle) = (path, handle);

    /// <summary>The name or path under which it was loaded.</summary>
    public string Path { get; }

    /// <summary>True where a library's environment variable says <c>on</c> or names a file.</summary>
    public static bool IsAsked(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } setting && !Is("off", setting);

    /// <summary>True where a library's environment variable says <c>off</c>.</summary>
    public static bool IsTurnedOff(string variable) => Is("off", Environment.GetEnvironmentVariable(variable));

    /// <summary>Finds and loads a library.</summary>
    /// <param name="wanted">Which.</param>
    /// <param name="search">Null: it is searched for. Otherwise why it is not, unless the variable names a file.</param>
    /// <param name="whyNot">Why there is none.</param>
    /// <exception cref="DeviceException">The variable names a file that cannot be loaded, or says <c>on</c> where there is none.</exception>
    public static VendorLibrary? Find(VendorSearch wanted, string? search, out string whyNot)
    {
        whyNot = "";
        string variable = wanted.Variable;
        string? setting = Environment.GetEnvironmentVariable(variable);
        if (Is("off", setting))
        {
            whyNot = $"turned off by {variable}=off";
            return null;
        }
        if (!Is("on", setting) && !string.IsNullOrEmpty(setting))
        {
            if (NativeFile.TryLoad(setting, out nint named, out string? words)) return new VendorLibrary(setting, named);
            throw new DeviceException($"{variable}: the library cannot be loaded: got '{setting}' ({words ?? "there is no such file"}), expected on, off or the path of a shared library. "
                + $"Hint: unset {variable} to search for it.");
        }
        if (search is not null)
        {
            whyNot = search;
            return null;
        }
        if (Search(wanted, out whyNot) is { } found) return found;
        if (Is("on", setting)) throw new DeviceException($"{variable}: {wanted.Name} cannot be used: got on, but {whyNot}. Hint: unset {variable}, or set it to the library's path.");
        return null;
    }

    static VendorLibrary? Search(VendorSearch wanted, out string whyNot)
    {
        string[] folders = [.. Folders(wanted.Folders).Distinct(StringComparer.Ordinal)];
        List<string> unfit = [];
        foreach (string path in wanted.Names.SelectMany(name => folders.Select(folder => System.IO.Path.Combine(folder, name)).Prepend(name)))
        {
            if (NativeFile.TryLoad(path, out nint library, out string? words))
            {
                whyNot = "";
                return new VendorLibrary(path, library);
            }
            if (words is not null) unfit.Add($"{path} cannot be loaded: {words}");
        }
        string[] there = [.. folders.Where(Directory.Exists)];
        whyNot = unfit is not [] ? string.Join("; ", unfit)
            : $"none of {string.Join(", ", wanted.Names)} was found in the system's folders, a CUDA toolkit (CUDA_PATH) or a Python environment (VIRTUAL_ENV, CONDA_PREFIX); looked into {(there is [] ? "no folder of theirs" : string.Join(", ", there))}";
        return null;
    }

    /// <summary>The address of a function.</summary>
    /// <exception cref="EntryPointNotFoundException">The library has none of that name: it is of another version.</exception>
    public nint Export(string name) => NativeLibrary.TryGetExport(handle, name, out nint address)
        ? address
        : throw new EntryPointNotFoundException($"{Path} has no function '{name}': it is of a version that Tessera does not know");

    static bool Is(string word, string? setting) => string.Equals(setting, word, StringComparison.OrdinalIgnoreCase);

    static IEnumerable<string> Folders(string[] packages)
    {
        foreach (string? toolkit in (string?[])[Environment.GetEnvironmentVariable("CUDA_PATH"), Environment.GetEnvironmentVariable("CUDA_HOME"), "/usr/local/cuda", "/opt/cuda"])
            if (!string.IsNullOrEmpty(toolkit))
                foreach (string part in (string[])["lib64", "lib", "targets/x86_64-linux/lib", "bin/x64", "bin"]) yield return System.IO.Path.Combine(toolkit, part);
        yield return "/usr/lib/x86_64-linux-gnu";
        foreach (string? root in (string?[])[Environment.GetEnvironmentVariable("VIRTUAL_ENV"), Environment.GetEnvironmentVariable("CONDA_PREFIX")])
        {
            if (string.IsNullOrEmpty(root)) continue;
            string lib = System.IO.Path.Combine(root, "lib");
            var sites = Directory.Exists(lib) ? Directory.GetDirectories(lib, "python3*").Select(p => System.IO.Path.Combine(p, "site-packages"))
                : [System.IO.Path.Combine(root, "Lib", "site-packages")];
            foreach (string site in sites)
                foreach (string package in packages) yield return System.IO.Path.Combine(site, "nvidia", package);
        }
    }
}
