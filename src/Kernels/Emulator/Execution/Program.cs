namespace Tessera.Emulator;

/// <summary>A straight run of operations that only its end leaves.</summary>
sealed class CodeBlock(int index)
{
    public readonly int Index = index;
    public Op[] Body = [];

    /// <summary>A branch, barrier, call, return or exit; null: on to the next block.</summary>
    public Op? End;

    /// <summary>Whether some operation of the body has a guard, and whether observers are told of some.</summary>
    public bool IsGuarded, IsObserved;

    /// <summary>Whether some of it is for all lanes of a warp together.</summary>
    public bool TakesWarp;
}

/// <summary>A function ready to run: its blocks in the order of the text, and where its registers and local variables lie.</summary>
sealed class Code(Image image, Function function)
{
    public readonly Image Image = image;
    public readonly Function Function = function;
    public CodeBlock[] Blocks = [];

    /// <summary>Bytes of all registers of a warp, constants included.</summary>
    public int FrameBytes;

    /// <summary>Bytes of local memory a thread needs, parameters of calls included.</summary>
    public int LocalBytes;

    /// <summary>The local variables, by their offset in the frame.</summary>
    public (int Offset, int Bytes, string Name)[] Locals = [];

    /// <summary>What registers hold at the start: the constants of the text, at their offsets.</summary>
    public (int Offset, int Bytes, UInt128 Value)[] Constants = [];

    /// <summary>Where the shared variables lie; known once the kernel was launched.</summary>
    public SharedLayout Layout = null!;

    /// <summary>Bytes of static shared memory.</summary>
    public int SharedBytes;

    readonly Lock seeking = new();
    bool sought;

    /// <summary>Marks the operations that read what nothing can have written; once.</summary>
    public void FindUnwritten()
    {
        if (Volatile.Read(ref sought)) return;
        lock (seeking)
        {
            if (!sought) UnwrittenRegisters.Mark(this);
            Volatile.Write(ref sought, true);
        }
    }

    public bool Calls;

    /// <summary>Offsets of the parameters in the parameter buffer (an entry) or in local memory (a function).</summary>
    public Dictionary<Variable, int> ParameterOffsets { get; } = [];
}
