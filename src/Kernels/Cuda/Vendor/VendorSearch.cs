namespace Tessera.Cuda;

/// <summary>How a library of NVIDIA's is looked for, and which of its versions are known.</summary>
/// <param name="Name">Its name in words.</param>
/// <param name="Variable">The environment variable: <c>off</c>, <c>on</c>, or the path of the library.</param>
/// <param name="Names">File names, the newest version first.</param>
/// <param name="Folders">Folders of a Python package that holds it, below <c>site-packages/nvidia</c>.</param>
/// <param name="Oldest">The oldest version whose functions have the parameters they are called with.</param>
/// <param name="Unknown">The first version that nobody has tried.</param>
internal sealed record VendorSearch(string Name, string Variable, string[] Names, string[] Folders, Version Oldest, Version Unknown)
{
    /// <summary>Finds a library and makes something of it.</summary>
    /// <param name="search">Null: it is searched for. Otherwise why it is not, unless the variable names a file.</param>
    /// <param name="open">Makes it; may throw a <see cref="CudaException"/> or that a function or its version is not known.</param>
    /// <param name="whyNot">Why there is none.</param>
    /// <exception cref="DeviceException">There is none of use, but the variable says <c>on</c> or names a file.</exception>
    public T? Open<T>(string? search, Func<VendorLibrary, T> open, out string whyNot) where T : class
    {
        if (VendorLibrary.Find(this, search, out whyNot) is not { } library) return null;
        try
        {
            return open(library);
        }
        catch (Exception e) when (e is CudaException or EntryPointNotFoundException or NotSupportedException)
        {
            if (VendorLibrary.IsAsked(Variable)) throw new DeviceException($"{Variable}: {Name} cannot be used: {e.Message}. Hint: unset {Variable}, or name another file.");
            whyNot = e.Message;
            return null;
        }
    }

    /// <summary>The file that would be used, or why there is none; loads it, but asks nothing of it.</summary>
    public string Probe(string ifFound)
    {
        try
        {
            return VendorLibrary.Find(this, null, out string whyNot) is { } library ? $"{NativeFile.FileOf(library.Path)}, {ifFound}" : whyNot;
        }
        catch (DeviceException e)
        {
            return e.Message;
        }
    }

    /// <summary>A version as NVIDIA writes it in one number: major, minor and patch, the major in thousands below a number and in ten thousands from there on.</summary>
    public static Version VersionOf(long number, long tenThousands)
    {
        long unit = number < tenThousands ? 1000 : 10000;
        return new Version((int)(number / unit), (int)(number % unit / 100), (int)(number % 100));
    }

    /// <summary>Refuses a version that is too old or too new.</summary>
    /// <exception cref="NotSupportedException">It is.</exception>
    public Version Check(Version version, string path) => version >= Oldest && version < Unknown ? version
        : throw new NotSupportedException($"{path} is of a version that Tessera does not know: got {version}, expected {Oldest} or newer, before {Unknown}");
}
