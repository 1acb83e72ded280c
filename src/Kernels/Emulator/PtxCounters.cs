using Tessera.Emulator;

namespace Tessera;

/// <summary>
/// What a launch on the emulator did. Instructions are those of the PTX text, not of the machine code an assembler makes of it; one counts
/// for a warp that comes to it, also where its guard is false for all lanes.
/// </summary>
public sealed class PtxCounters
{
    readonly long[] counts;

    internal PtxCounters(long[] counts) => this.counts = counts;

    /// <summary>Instructions of warps.</summary>
    public long WarpInstructions => counts[(int)Count.WarpInstructions];

    /// <summary>Instructions of threads: those whose guard was true.</summary>
    public long ThreadInstructions => counts[(int)Count.ThreadInstructions];

    /// <summary>Warp instructions on integers, bits and predicates.</summary>
    public long IntegerInstructions => counts[(int)Count.IntegerInstructions];

    /// <summary>Warp instructions on floating-point values.</summary>
    public long FloatInstructions => counts[(int)Count.FloatInstructions];

    /// <summary>Warp instructions of the matrix units: <c>mma</c> and <c>wmma.mma</c>.</summary>
    public long MatrixInstructions => counts[(int)Count.MatrixInstructions];

    /// <summary>Warp instructions <c>cvt</c> and <c>cvta</c>.</summary>
    public long ConversionInstructions => counts[(int)Count.ConversionInstructions];

    /// <summary>Warp instructions that move or choose values: <c>mov</c>, <c>selp</c>, <c>shfl</c> ...</summary>
    public long MoveInstructions => counts[(int)Count.MoveInstructions];

    /// <summary>Warp instructions that branch, call, return or exit.</summary>
    public long ControlInstructions => counts[(int)Count.ControlInstructions];

    /// <summary>Warp instructions that synchronise: barriers, fences, votes, waits.</summary>
    public long SynchronizationInstructions => counts[(int)Count.SynchronizationInstructions];

    /// <summary>Warp instructions on global memory, asynchronous copies among them.</summary>
    public long GlobalInstructions => counts[(int)Count.GlobalInstructions];

    /// <summary>Warp instructions on shared memory.</summary>
    public long SharedInstructions => counts[(int)Count.SharedInstructions];

    /// <summary>Warp instructions on local memory.</summary>
    public long LocalInstructions => counts[(int)Count.LocalInstructions];

    /// <summary>Warp instructions on parameters and constants.</summary>
    public long ParameterInstructions => counts[(int)Count.ParameterInstructions];

    /// <summary>Conditional branches at which the lanes of a warp parted.</summary>
    public long DivergentBranches => counts[(int)Count.DivergentBranches];

    /// <summary>Operations on f32: 1 for a sum, product, quotient, root or function, 2 for a fused multiply-add, 0 for a comparison, minimum or sign.</summary>
    public long SingleFlops => counts[(int)Count.SingleFlops];

    /// <summary>The same on f64.</summary>
    public long DoubleFlops => counts[(int)Count.DoubleFlops];

    /// <summary>The same on f16 and bf16, each half of a pair counted.</summary>
    public long HalfFlops => counts[(int)Count.HalfFlops];

    /// <summary>2 M N K for each product of matrices of f16, bf16 or f64.</summary>
    public long MatrixFlops => counts[(int)Count.MatrixFlops];

    /// <summary>2 M N K for each product of matrices of tf32.</summary>
    public long Tf32MatrixFlops => counts[(int)Count.Tf32MatrixFlops];

    /// <summary>2 M N K for each product of matrices of integers.</summary>
    public long IntegerMatrixOps => counts[(int)Count.IntegerMatrixOps];

    /// <summary>Bytes of global memory that threads read; an atomic reads and writes.</summary>
    public long GlobalBytesRead => counts[(int)Count.GlobalBytesRead];

    /// <summary>Bytes of global memory that threads wrote.</summary>
    public long GlobalBytesWritten => counts[(int)Count.GlobalBytesWritten];

    /// <summary>Requests of warps to global memory.</summary>
    public long GlobalRequests => counts[(int)Count.GlobalRequests];

    /// <summary>Sectors of 32 bytes that these requests touch; 4 for a request of 32 neighbouring words.</summary>
    public long GlobalSectors => counts[(int)Count.GlobalSectors];

    /// <summary>Bytes of the different sectors of global memory that were read: what at least comes from memory.</summary>
    public long FootprintRead => counts[(int)Count.FootprintRead];

    /// <summary>Bytes of the different sectors of global memory that were written.</summary>
    public long FootprintWritten => counts[(int)Count.FootprintWritten];

    /// <summary>Bytes of shared memory that threads read.</summary>
    public long SharedBytesRead => counts[(int)Count.SharedBytesRead];

    /// <summary>Bytes of shared memory that threads wrote.</summary>
    public long SharedBytesWritten => counts[(int)Count.SharedBytesWritten];

    /// <summary>Requests of warps to shared memory.</summary>
    public long SharedRequests => counts[(int)Count.SharedRequests];

    /// <summary>Passes that shared memory needs beyond those of a request without conflicts: lanes that want different words of one of 32 banks wait for each other.</summary>
    public long BankConflicts => counts[(int)Count.BankConflicts];

    /// <summary>Bytes of local memory that threads read.</summary>
    public long LocalBytesRead => counts[(int)Count.LocalBytesRead];

    /// <summary>Bytes of local memory that threads wrote.</summary>
    public long LocalBytesWritten => counts[(int)Count.LocalBytesWritten];

    /// <summary>All floating-point operations, those of the matrix units included.</summary>
    public long Flops => SingleFlops + DoubleFlops + HalfFlops + MatrixFlops + Tf32MatrixFlops;

    /// <summary>Sectors per request to global memory; 0 without requests.</summary>
    public double SectorsPerRequest => GlobalRequests == 0 ? 0 : (double)GlobalSectors / GlobalRequests;

    /// <summary>The part of a warp's 32 lanes that an instruction runs for on average.</summary>
    public double LaneUse => WarpInstructions == 0 ? 0 : ThreadInstructions / (32.0 * WarpInstructions);

    /// <summary>The least time that a GPU's data sheet allows for this work.</summary>
    /// <param name="gpu">A name of <see cref="PtxGpu.All"/>, such as <c>A100</c>.</param>
    /// <exception cref="DeviceException">There is no such GPU in the list.</exception>
    public PtxRoofline Roofline(string gpu) => new(PtxGpu.Find(gpu), this);
}
