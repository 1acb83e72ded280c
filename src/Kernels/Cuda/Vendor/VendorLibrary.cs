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
    public static bool IsAsked(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } setting && !IsOff(setting);

    /// <summary>True where a library's environment variable says <c>off</c>.</summary>
    public static bool IsTurnedOff(string variable) => IsOff(Environment.GetEnvironmentVariable(variable));

    /// <summary>Finds and loads a library.</summary>
    /// <param name="variable">The environment variable: <c>off</c>, <c>on</c>, or the path of the library.</param>
    /// <param name="names">File names, the newest version first.</param>
    /// <param name="folders">Folders of a Python package that holds it, below <c>site-packages/nvidia</c>.</param>
    /// <param name="search">Null: it is searched for. Otherwise why it is not, unless the variable names a file.</param>
    /// <param name="whyNot">Why there is none.</param>
    public static VendorLibrary? Find(string variable, ReadOnlySpan<string> names, ReadOnlySpan<string> folders, string? search, out string whyNot)
    {
        whyNot = "";
        string? setting = Environment.GetEnvironmentVariable(variable);
        if (IsOff(setting))
        {
            whyNot = $"turned off by {variable}=off";
            return null;
        }
        bool on = string.Equals(setting, "on", StringComparison.OrdinalIgnoreCase);
        if (!on && !string.IsNullOrEmpty(setting))
        {
            if (NativeLibrary.TryLoad(setting, out nint named)) return new VendorLibrary(setting, named);
            throw new DeviceException($"{variable}: the library cannot be loaded: got '{setting}', expected on, off or the path of a shared library. Hint: unset {variable} to search for it.");
        }
        if (search is not null)
        {
            whyNot = search;
            return null;
        }
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint found)) return new VendorLibrary(name, found);
            foreach (string folder in Folders(folders.ToArray()))
                if (NativeLibrary.TryLoad(System.IO.Path.Combine(folder, name), out found)) return new VendorLibrary(System.IO.Path.Combine(folder, name), found);
        }
        whyNot = $"none of {string.Join(", ", names.ToArray())} was found in the system's folders, a CUDA toolkit (CUDA_PATH) or a Python environment (VIRTUAL_ENV, CONDA_PREFIX)";
        return null;
    }

    /// <summary>The address of a function.</summary>
    /// <exception cref="EntryPointNotFoundException">The library has none of that name: it is of another version.</exception>
    public nint Export(string name) => NativeLibrary.TryGetExport(handle, name, out nint address)
        ? address
        : throw new EntryPointNotFoundException($"{Path} has no function '{name}': it is of a version that Tessera does not know");

    static bool IsOff(string? setting) => string.Equals(setting, "off", StringComparison.OrdinalIgnoreCase);

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
            var sites = Directory.Exists(lib) ? Directory.GetDirectories(lib, "python3*").Select(p => System.IO.Path.Combine(p, "site-packages")) : [System.IO.Path.Combine(root, "Lib", "site-packages")];
            foreach (string site in sites)
                foreach (string package in packages) yield return System.IO.Path.Combine(site, "nvidia", package);
        }
    }
}
