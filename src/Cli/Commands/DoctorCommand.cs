using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cli;

/// <summary><c>tessera doctor</c>: what this machine offers, and for what it does not, why.</summary>
static class DoctorCommand
{
    public static Command Create(TextWriter output)
    {
        var convolutions = new Option<string?>("--convolutions") { Description = "An .onnx file: show how each of its convolutions is computed and why." };
        var batch = Options.Number("--batch", "Images a batch for --convolutions.", 1, 16);
        var size = Options.Number("--size", "Height and width of the images for --convolutions.", 8, 224);
        var selfTest = new Option<bool>("--self-test") { Description = "Compare each family of kernels of a device with the CPU." };
        var device = new Option<string?>("--device") { Description = "The device for --self-test; by default the first GPU, or without one the emulator." };
        var command = new ExampleCommand("doctor", "Show processor features, threads, memory, and which devices can be used and why not.",
            "Examples:\n  tessera doctor\n  tessera doctor --self-test --device cuda:0\n"
                + "  tessera doctor --convolutions resnet34.onnx --batch 1")
        {
            selfTest, device, convolutions, batch, size,
        };
        command.SetAction(parsed => parsed.GetValue(convolutions) is { } path
            ? ConvolutionReport.Print(path, parsed.GetValue(batch), parsed.GetValue(size), output)
            : parsed.GetValue(selfTest) ? Test(parsed.GetValue(device), output) : Run(output));
        return command;
    }

    static int Run(TextWriter output)
    {
        foreach (var (name, value) in Facts()) output.WriteLine($"{name,-15}  {value}");
        return Tool.Success;
    }

    static int Test(string? name, TextWriter output)
    {
        name ??= Device.All().First(d => d.Name != "cpu" && d.WhyNot is null).Name;
        return SelfTest.Run(Device.Parse(name), output) ? Tool.Success : Tool.Failure;
    }

    static IEnumerable<(string Name, string Value)> Facts()
    {
        yield return ("tessera", typeof(Tensor).Assembly.GetName().Version?.ToString(3) ?? "unknown");
        yield return (".NET", RuntimeInformation.FrameworkDescription);
        yield return ("system", $"{RuntimeInformation.OSDescription} ({RuntimeInformation.ProcessArchitecture})");
        yield return ("processor", $"{Environment.ProcessorCount} cores; {string.Join(", ", Features())}");
        yield return ("vectors", Vector512.IsHardwareAccelerated ? "512 bits" : Vector256.IsHardwareAccelerated ? "256 bits" : "portable");
        yield return ("compute threads", CpuThreads.Count.ToString(CultureInfo.InvariantCulture) + " (TESSERA_THREADS)");
        yield return ("memory", Device.Cpu.Memory + " (TESSERA_MEMORY)");
        yield return ("kernel cache", Device.KernelCache);
        yield return ("NVIDIA driver", Device.GpuDriver);
        var devices = Device.All();
        foreach (var (name, whyNot) in devices)
        {
            yield return ($"device {name}", whyNot is null ? Ready(name) : $"not usable: {whyNot}");
            foreach (var (library, state) in whyNot is null && name.StartsWith("cuda", StringComparison.Ordinal) ? Libraries(name) : [])
                yield return ($"  {library}", state);
        }
        if (devices.Any(d => d.Name.StartsWith("cuda", StringComparison.Ordinal) && d.WhyNot is null)) yield break;
        foreach (var (library, state) in Device.InstalledLibraries) yield return (library, state);
    }

    /// <summary>Opens the device, so that what is called ready is.</summary>
    static string Ready(string name)
    {
        try
        {
            return Device.Parse(name).Description is { Length: > 0 } description ? $"ready: {description}" : "ready";
        }
        catch (Exception e) when (e is DeviceException or CudaException)
        {
            return $"not usable: {e.Message}";
        }
    }

    static IReadOnlyList<(string Name, string State)> Libraries(string device)
    {
        try
        {
            return Device.Parse(device).Libraries;
        }
        catch (Exception e) when (e is DeviceException or CudaException)
        {
            return [("libraries", e.Message)];
        }
    }

    static IEnumerable<string> Features()
    {
        if (Avx512F.IsSupported) yield return "AVX-512";
        if (Avx2.IsSupported) yield return "AVX2";
        if (Fma.IsSupported) yield return "FMA";
        if (System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported) yield return "AdvSimd";
        if (!Vector256.IsHardwareAccelerated && !Vector128.IsHardwareAccelerated) yield return "no vector units";
    }
}
