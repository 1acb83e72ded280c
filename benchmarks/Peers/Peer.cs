using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Tessera.Benchmarks;

/// <summary>An engine to compare with: its name, its version where it loads, and why not where it does not.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Version">Null where it did not load.</param>
/// <param name="WhyNot">Null where it loaded.</param>
sealed record Peer(string Name, string? Version, string? WhyNot)
{
    /// <summary>TorchSharp with libtorch's CPU build, all threads.</summary>
    public static Peer TorchSharp => torch.Value;

    /// <summary>ONNX Runtime's CPU build.</summary>
    public static Peer OnnxRuntime => onnxRuntime.Value;

    static readonly Lazy<Peer> torch = new(() => Load("TorchSharp", LoadTorch));
    static readonly Lazy<Peer> onnxRuntime = new(() => Load("ONNX Runtime", () => OrtEnv.Instance().GetVersionString()));

    /// <summary>True where it can be used.</summary>
    public bool Loaded => WhyNot is null;

    /// <summary>Name and version, or why it did not load.</summary>
    public override string ToString() => Loaded ? $"{Name} {Version}" : $"{Name} did not load: {WhyNot}";

    static Peer Load(string name, Func<string> load)
    {
        try
        {
            return new(name, load(), null);
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or NotSupportedException or BadImageFormatException or EntryPointNotFoundException or FileNotFoundException)
        {
            var cause = e.GetBaseException();
            return new(name, null, cause.Message.Split('\n')[0].Trim());
        }
    }

    static string LoadTorch()
    {
        string library = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");
        Silence();
        if (OperatingSystem.IsLinux() && File.Exists(library) && !NativeLibrary.TryLoad(library, out _)) ElfPatch.Apply(library);
        Torch.set_num_threads(Machine.Threads);
        string version = typeof(Torch).Assembly.GetName().Version!.ToString(3);
        return $"{version} (libtorch {Torch.__version__})";
    }

    // libtorch warns of every convolution that it cannot give to NNPACK; from level 2 on it prints errors only.
    static void Silence()
    {
        string core = Path.Combine(AppContext.BaseDirectory, "libc10.so");
        if (OperatingSystem.IsLinux() && NativeLibrary.TryLoad(core, out nint library) && NativeLibrary.TryGetExport(library, "FLAGS_caffe2_log_level", out nint level))
            Marshal.WriteInt32(level, 2);
    }
}
