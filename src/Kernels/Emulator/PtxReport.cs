namespace Tessera;

/// <summary>
/// What an emulated launch looks for beside what always ends it (accesses out of bounds, misaligned, or to freed memory; deadlocks). With
/// any of them on, such an end is the report's last finding instead of an exception.
/// </summary>
[Flags]
public enum PtxChecks
{
    /// <summary>Nothing more: the fastest.</summary>
    None = 0,

    /// <summary>
    /// Reads of shared memory, of local variables, and of device memory that the host left open, where nobody has written yet; and of registers that no
    /// path to the instruction writes.
    /// </summary>
    Uninitialized = 1,

    /// <summary>
    /// Two threads of a block that touch the same bytes of shared memory, one of them writing, with nothing that
    /// orders them: no barrier, lock or flag with a scope that holds both.
    /// </summary>
    SharedRaces = 2,

    /// <summary>The same for global memory, also between blocks; and non-coherent loads (<c>ld.global.nc</c>) of what the launch itself has written.</summary>
    GlobalRaces = 4,

    /// <summary>Barriers that only a part of a warp reaches, or whose thread count cannot be met.</summary>
    Barriers = 8,

    /// <summary>Member masks of warp instructions that name lanes which do not take part, and shuffles from such lanes.</summary>
    Masks = 16,

    /// <summary>Every check.</summary>
    All = Uninitialized | SharedRaces | GlobalRaces | Barriers | Masks,
}

/// <summary>One mistake of a kernel, at its first occurrence.</summary>
/// <param name="Rule">
/// What was broken: <c>race</c>, <c>uninitialized</c>, <c>barrier</c>, <c>mask</c>; or what ended the launch: <c>memory</c>, <c>barrier</c>,
/// <c>warp</c>, <c>branch</c>, <c>call</c>, <c>trap</c>, <c>assert</c>, <c>steps</c>, <c>unsupported</c>.
/// </param>
/// <param name="File">The text's file, or a name for it.</param>
/// <param name="Line">The line of the instruction, from 1.</param>
/// <param name="Column">The column, from 1.</param>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Block">The block's index in the grid.</param>
/// <param name="Thread">The thread's index in the block.</param>
/// <param name="Message">What is wrong, in one line.</param>
public sealed record PtxFinding(string Rule, string File, int Line, int Column, string Kernel, (int X, int Y, int Z) Block, (int X, int Y, int Z) Thread, string Message)
{
    /// <summary>The address as its owner sees it, such as <c>shared variable 'tile' + 64 of 1024</c>; empty where no address is meant.</summary>
    public string Place { get; init; } = "";

    /// <summary>For a race, the line of the other access, which comes no later in the text; otherwise 0.</summary>
    public int OtherLine { get; init; }

    /// <summary>How often it happened.</summary>
    public long Count { get; internal set; } = 1;

    /// <summary>File, line, column, rule, message, kernel, block and thread.</summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{File}:{Line}:{Column}: {Rule}: {Message} (kernel '{Kernel}', block {Block}, thread {Thread}){(Count > 1 ? $", {Count} times" : "")}");
}

/// <summary>What a launch on the emulator came to.</summary>
public sealed class PtxReport
{
    internal PtxReport(IReadOnlyList<PtxFinding> findings, PtxFinding? failure, PtxCounters? counters) =>
        (Findings, Failure, Counters) = (findings, failure, counters);

    /// <summary>The mistakes, by rule and line, at most 100 of them; those of the checks that were on.</summary>
    public IReadOnlyList<PtxFinding> Findings { get; }

    /// <summary>The finding that ended the launch before its blocks were through; null where they all ran to their end.</summary>
    public PtxFinding? Failure { get; }

    /// <summary>What the launch did; null unless <see cref="PtxLaunch.Count"/> asked for it.</summary>
    public PtxCounters? Counters { get; }
}
