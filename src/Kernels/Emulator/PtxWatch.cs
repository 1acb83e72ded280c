using Tessera.Emulator;

namespace Tessera;

/// <summary>Follows one warp of a launch.</summary>
/// <param name="Step">Called after each instruction of the warp; false ends the launch there.</param>
public sealed record PtxWatch(Func<PtxStep, bool> Step)
{
    /// <summary>The block whose warp is followed.</summary>
    public (int X, int Y, int Z) Block { get; init; }

    /// <summary>The warp in its block: threads 32 Warp to 32 Warp + 31.</summary>
    public int Warp { get; init; }

    /// <summary>The lane whose registers are shown.</summary>
    public int Lane { get; init; }

    internal bool IsIn((int X, int Y, int Z) grid, (int X, int Y, int Z) block) =>
        (uint)Block.X < grid.X && (uint)Block.Y < grid.Y && (uint)Block.Z < grid.Z && Warp >= 0 && Warp * 32L < block.X * block.Y * block.Z && Lane is >= 0 and < 32;

    internal bool Follows(Warp w) => w.Index == Warp && (w.Cta.X, w.Cta.Y, w.Cta.Z) == Block;

    /// <summary>Tells what an operation has done to the lanes of <paramref name="mask"/>.</summary>
    internal unsafe void Tell(Warp w, Op op, uint mask, byte* registers)
    {
        bool on = (mask >> Lane & 1) != 0;
        PtxStep step = new(op.Position.Line, op.Position.Column, mask, [.. op.Results.Select(r => (r.Name, on ? r.Value(registers, Lane, w.Cta.Launch.Memory) : ""))]) { Memory = new(w) };
        if (!Step(step)) throw new WatchEnded();
    }
}

/// <summary>An instruction that a warp has executed.</summary>
/// <param name="Line">Its line in the text, from 1.</param>
/// <param name="Column">Its column, from 1.</param>
/// <param name="Mask">The lanes that executed it: those that are there and whose guard is true.</param>
/// <param name="Registers">The registers it wrote, with the value in the followed lane; empty where that lane did not execute it.</param>
public sealed record PtxStep(int Line, int Column, uint Mask, IReadOnlyList<(string Name, string Value)> Registers)
{
    internal WatchedMemory? Memory { get; init; }

    /// <summary>Memory as it is while the warp stands behind this instruction: to be asked for within <see cref="PtxWatch.Step"/>.</summary>
    /// <param name="address">As registers show it, <c>argument 0 + 396</c>; a global variable <c>table + 4</c>; of the block's shared memory <c>shared + 16</c>; or a number, <c>0x7f3c00</c>.</param>
    /// <param name="count">Bytes.</param>
    /// <returns>The bytes; null where they are not all somebody's.</returns>
    public byte[]? Read(string address, int count)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Memory?.Read(address, count);
    }
}

/// <summary>Ends a launch whose watcher has seen enough.</summary>
sealed class WatchEnded : Exception;
