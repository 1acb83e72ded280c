using System.Text;
using Tessera.Emulator;

namespace Tessera;

/// <summary>A PTX text that was read: kernels, functions and variables, ready to be verified.</summary>
public sealed class PtxModule
{
    readonly string text, file;
    bool verified;

    PtxModule(Module syntax, string text, string file) => (Syntax, this.text, this.file) = (syntax, text, file);

    internal Module Syntax { get; }

    /// <summary>The kernels (<c>.entry</c>) that the text defines, in its order.</summary>
    public IReadOnlyList<string> Entries => [.. Syntax.Functions.Where(f => f.IsEntry && f.Body != null).Select(f => f.Name)];

    /// <summary>The text's <c>.target</c>, such as <c>sm_75</c>.</summary>
    public string Target => Syntax.Targets[0];

    /// <summary>The text's <c>.version</c>, such as 7.0.</summary>
    public Version Version => new(Syntax.Version.Major, Syntax.Version.Minor);

    /// <summary>The files of Tessera's own kernels, such as <c>unary.ptx</c>.</summary>
    public static IReadOnlyList<string> LibraryFiles => Cuda.PtxLibrary.Files;

    /// <summary>The text of one of <see cref="LibraryFiles"/>.</summary>
    /// <exception cref="TesseraException">There is no such file.</exception>
    public static string LibraryText(string file) => Cuda.PtxLibrary.Text(file);

    /// <summary>Reads a text. It is not yet verified: types, spaces and gates may still be wrong.</summary>
    /// <param name="text">PTX, ASCII only.</param>
    /// <param name="file">A name for messages.</param>
    /// <exception cref="PtxException">The first place where the text is not PTX.</exception>
    public static PtxModule Parse(string text, string file = "ptx") => new(Parser.Parse(text, file), text, file);

    /// <summary>Reads a file: <see cref="Parse"/> of its <see cref="TextOf"/>.</summary>
    /// <exception cref="PtxException">The first place where the text is not PTX.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PtxModule Load(string path) => Parse(TextOf(path), path);

    /// <summary>
    /// The text of a file, a character a byte. Lines <c>#include "name.inc"</c> are replaced by the file of that name in the same folder, where there is one; the lines
    /// behind count on from there.
    /// </summary>
    /// <exception cref="IOException">The file, or one it includes, cannot be read.</exception>
    public static string TextOf(string path)
    {
        string? Beside(string name) => Path.Combine(Path.GetDirectoryName(path) ?? "", name) is var file && File.Exists(file) ? Read(file) : null;
        return Cuda.PtxLibrary.Expand(Read(path), Beside);

        // ReadAllText would take a byte order mark away, which no assembler takes.
        static string Read(string file) => Encoding.Latin1.GetString(File.ReadAllBytes(file));
    }

    /// <summary>Checks every rule an assembler checks: types, widths, state spaces, modifiers, <c>.version</c> and <c>.target</c>.</summary>
    /// <param name="arch">The GPU it is for, such as <c>sm_90</c>; null: the text's own target.</param>
    /// <returns>This module.</returns>
    /// <exception cref="PtxException">The first mistake, with its place and rule.</exception>
    public PtxModule Verify(string? arch = null)
    {
        Verifier.Check(Syntax, file, arch);
        verified = true;
        return this;
    }

    /// <summary>
    /// Runs a kernel on the CPU, warp by warp, and waits for its end. Every access is checked: outside of the arguments' memory, or
    /// misaligned, it ends the launch. Buffers hold afterwards what the kernel left in them. With atomics on floats in memory that several
    /// blocks share, the order of additions, so the last bits, depends on the threads; everything else does not.
    /// </summary>
    /// <param name="entry">The kernel's name.</param>
    /// <param name="launch">Grid, block and shared memory.</param>
    /// <param name="arguments">One for each parameter of the kernel.</param>
    /// <returns>What the checks found.</returns>
    /// <exception cref="PtxException">The text breaks a rule, the launch does not fit the kernel, or the kernel, without checks, does what it must not.</exception>
    public PtxReport Launch(string entry, PtxLaunch launch, params PtxArgument[] arguments)
    {
        if (!verified) Verify();
        if (launch.HeapBytes < 0) throw new PtxException(file, 1, 1, "launch", $"a heap has at least 0 bytes: got {launch.HeapBytes}");
        using DeviceMemory memory = new() { HeapBytes = launch.HeapBytes };
        Image image = new(Syntax, file, memory);
        List<(BufferArgument Buffer, Allocation Place)> buffers = [];
        byte[][] parameters = PtxArgument.Write(arguments, (buffer, name) =>
        {
            Allocation place = memory.Allocate(buffer.Content.Length, name);
            buffer.Content.CopyTo(place.Content);
            buffers.Add((buffer, place));
            return place.Start;
        });
        PtxReport report = image.Run(entry, launch, parameters);
        foreach (var (buffer, place) in buffers) place.Content.CopyTo(buffer.Content);
        return report;
    }

    /// <summary>
    /// Runs a kernel on a GPU, or on the emulator as if it were one, and waits for its end. Buffers hold afterwards what the kernel left in them.
    /// What the kernel must not do is found only where the device finds it.
    /// </summary>
    /// <param name="device">Such as <c>Device.Parse("cuda:0")</c>.</param>
    /// <param name="entry">The kernel's name.</param>
    /// <param name="launch">Grid, block and shared memory; without clusters, checks, counters, watch, seed, threads, heap and limit of steps, which only the call without a device has.</param>
    /// <param name="arguments">One for each parameter of the kernel.</param>
    /// <exception cref="PtxException">The text breaks a rule, or the launch does not fit the kernel.</exception>
    /// <exception cref="DeviceException">The device does not run PTX, or does not do what the launch asks for.</exception>
    /// <exception cref="CudaException">The device cannot run the kernel, or the kernel does what it must not.</exception>
    public void Launch(Device device, string entry, PtxLaunch launch, params PtxArgument[] arguments)
    {
        if (!verified) Verify();
        if (device.Backend is not Cuda.CudaBackend backend)
            throw new DeviceException($"Launch: {device} does not run PTX: expected a GPU or the emulator. "
                + "Hint: leave the device out to run on the emulator with checks.");
        if (launch.Approximation != PtxApproximation.Nearest || launch.Contraction != PtxContraction.Separate)
            throw new DeviceException($"Launch: {device} has its own approximations and contraction. Hint: leave the device out to choose them on the emulator.");
        if (launch.Cluster != null)
            throw new DeviceException($"Launch: {device} takes clusters from the kernel alone: got a launch with {launch.Cluster}. "
                + "Hint: write .reqnctapercluster into the text, or leave the device out.");
        if (launch.Watch != null || launch.Count || launch.Checks != PtxChecks.None)
            throw new DeviceException($"Launch: {device} has no checks, counters and watch. Hint: leave the device out to run on the emulator with checks.");
        if (launch.HeapBytes != DeviceHeap.DefaultBytes)
            throw new DeviceException($"Launch: {device} has a heap of its own: got one of {launch.HeapBytes} bytes. "
                + "Hint: leave the device out to choose it on the emulator.");
        if (launch.Seed != 0 || launch.Threads != 0 || launch.StepLimit != PtxLaunch.DefaultStepLimit)
            throw new DeviceException($"Launch: {device} has its own order of warps, its own threads and no limit of steps to choose. Hint: leave the device out to choose them on the emulator.");
        new Cuda.DeviceLaunch(backend.Driver, text, file, Syntax).Run(entry, launch, arguments);
    }
}
