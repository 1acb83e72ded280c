using System.Diagnostics;
using System.Globalization;

namespace Tessera.Testing;

/// <summary>Programs that are interrupted as by Ctrl-C. A process that ignores the signal, as one under nohup or in the background of a script does, hands that on to all it starts.</summary>
public static class Interruptible
{
    static readonly Lazy<bool> resets = new(() => Code("env", "--default-signal=INT", "true") == 0); // GNU's since 2019

    /// <summary>A program and its arguments, started so that it hears the signal. The test is skipped where that cannot be.</summary>
    public static ProcessStartInfo Program(string program, params IEnumerable<string> arguments)
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("sends a POSIX signal");
        if (resets.Value) return new ProcessStartInfo("env", ["--default-signal=INT", program, .. arguments]);
        if (IsIgnored()) Assert.Ignore("interrupts are ignored here, and this system's env cannot undo that for a program (--default-signal)");
        return new ProcessStartInfo(program, arguments);
    }

    /// <summary>Ctrl-C.</summary>
    public static void Interrupt(this Process process)
    {
        ArgumentNullException.ThrowIfNull(process);
        Assert.That(Code("kill", "-INT", process.Id.ToString(CultureInfo.InvariantCulture)), Is.Zero);
    }

    /// <summary>Whether this process ignores it; as far as the system says so.</summary>
    static bool IsIgnored()
    {
        const string status = "/proc/self/status", field = "SigIgn:";
        const ulong interrupt = 1 << 1; // signal 2
        string? mask = File.Exists(status) ? File.ReadLines(status).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) : null;
        return mask is not null && (ulong.Parse(mask[field.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & interrupt) != 0;
    }

    static int Code(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
