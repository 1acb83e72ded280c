namespace Tessera.Testing;

/// <summary>The devices every op is tested on, by declaration; one that is not here is one skipped test with the reason.</summary>
public static class TestDevices
{
    static readonly string[] names = ["cpu", "emulator", "cuda:0"];

    /// <summary>The device of tests that need one that runs kernels: the emulator, or what TESSERA_TEST_DEVICE names, such as cuda:0.</summary>
    public static Device Gpu { get; } = Device.Parse(Environment.GetEnvironmentVariable("TESSERA_TEST_DEVICE") is { Length: > 0 } name ? name : "emulator");

    /// <summary>One test case for each device that exists and each item; one skipped case for each device that does not.</summary>
    public static IEnumerable<TestCaseData> With<T>(IEnumerable<T> items)
    {
        foreach (string name in names)
        {
            if (WhyNot(name) is { } reason)
                yield return new TestCaseData(default(T), null).SetArgDisplayNames(name).Ignore(reason);
            else
                foreach (var item in items) yield return new TestCaseData(item, Device.Parse(name)).SetArgDisplayNames(item!.ToString()!, name);
        }
    }

    /// <summary>The recorded cases of an index, once for each device.</summary>
    public static IEnumerable<TestCaseData> With(IEnumerable<TestCaseData> recorded)
    {
        TestCaseData[] cases = [.. recorded];
        return cases is [{ RunState: not NUnit.Framework.Interfaces.RunState.Runnable }, ..] ? cases : With(cases.Select(c => c.Arguments[0]!));
    }

    static string? WhyNot(string name)
    {
        try
        {
            Device.Parse(name);
            return null;
        }
        catch (DeviceException e)
        {
            return e.Message;
        }
    }
}
