using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>How long threads of this process were ready to run but had no CPU: the measure of a disturbed sample.</summary>
static class Disturbance
{
    /// <summary>A sample counts while the computing threads waited less than this share of it, on average.</summary>
    public const double Limit = 0.02;

    /// <summary>False where the system does not tell (only Linux does); then no sample is dropped.</summary>
    public static bool Available { get; } = File.Exists("/proc/self/schedstat");

    /// <summary>Milliseconds that all threads of this process have waited so far; 0 where the system does not tell.</summary>
    public static double WaitedMs()
    {
        if (!Available) return 0;
        double nanoseconds = 0;
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            try
            {
                // Three numbers: time on a CPU, time waiting for one, turns.
                nanoseconds += double.Parse(File.ReadAllText(task + "/schedstat").Split(' ')[1], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                // The thread has ended.
            }
        }
        return nanoseconds / 1e6;
    }
}
