using Spectre.Console;

namespace Tessera.Cli;

/// <summary>Says where work stands: on a terminal in one line that is written over, elsewhere in a line of its own every few seconds, without control characters.</summary>
/// <param name="output">Where it is said.</param>
/// <param name="clock">The time; null for the system's.</param>
sealed class StatusLine(TextWriter output, TimeProvider? clock = null)
{
    /// <summary>Between two lines of a log.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    readonly IAnsiConsole? console = Terminal.IsLive(output) ? Terminal.For(output) : null;
    readonly TimeProvider clock = clock ?? TimeProvider.System;
    long last = (clock ?? TimeProvider.System).GetTimestamp();

    /// <summary>The state of the work.</summary>
    public void Show(string text)
    {
        if (console is not null)
        {
            Replace(text.Length < console.Profile.Width ? text : text[..(console.Profile.Width - 1)]);
        }
        else if (clock.GetElapsedTime(last) >= Interval)
        {
            last = clock.GetTimestamp();
            output.WriteLine(text);
            output.Flush();
        }
    }

    /// <summary>A line that stays.</summary>
    public void Line(string text)
    {
        End();
        output.WriteLine(text);
        output.Flush();
        last = clock.GetTimestamp();
    }

    /// <summary>Nothing moves any more.</summary>
    public void End()
    {
        if (console is not null) Replace("");
    }

    /// <summary>Back to the start of the line, erase it, write.</summary>
    void Replace(string text) => console!.Write(new ControlCode("\r\u001b[2K" + text));
}
