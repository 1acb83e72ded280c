namespace Tessera.Cuda;

/// <summary>The versions of the matrix product, from plain to fast.</summary>
internal enum GemmVersion
{
    /// <summary>One thread an output.</summary>
    Plain = 1,

    /// <summary>Tiles in shared memory.</summary>
    Tiles = 2,

    /// <summary>Tiles in registers, fed from shared memory.</summary>
    Registers = 3,

    /// <summary>The same, with copies to shared memory that run beside the products.</summary>
    Async = 4,

    /// <summary>Tensor cores, each factor split into two tf32 numbers: float32 in, float32 accuracy.</summary>
    Tf32x3 = 5,

    /// <summary>The same without copies that run beside the products, for comparison.</summary>
    Tf32x3Registers = 51,

    /// <summary>Tensor cores with factors rounded to tf32 (11 bits). Only where <see cref="Precision.AllowTf32"/> is set.</summary>
    Tf32 = 50,

    /// <summary>The same without copies that run beside the products, for comparison.</summary>
    Tf32Registers = 52,
}

/// <summary>A version of the matrix product: its kernel, and the tile of y that a block computes.</summary>
/// <param name="File">Where its text is.</param>
/// <param name="Entry">Its name there.</param>
/// <param name="TileM">Rows of the tile.</param>
/// <param name="TileN">Columns of the tile.</param>
internal sealed record GemmKernel(string File, string Entry, int TileM, int TileN)
{
    // An H100's; one number for all devices, so that the pieces, and with them the bits, are the same on all.
    const int Multiprocessors = 132;

    // No piece is shorter than this: its product must be worth writing and reading it once.
    const int ShortestPiece = 256;

    static readonly GemmKernel plain = new("gemm.ptx", "gemm_plain", 16, 16);
    static readonly GemmKernel tiles = new("gemm_tiles.ptx", "gemm_tiles", 32, 32);
    static readonly GemmKernel registers = new("gemm_registers.ptx", "gemm_registers", 128, 128);
    static readonly GemmKernel async = new("gemm_async.sm80.ptx", "gemm_async", 128, 128);
    static readonly GemmKernel tf32x3 = new("gemm_tf32x3.sm80.ptx", "gemm_tf32x3", 128, 128) { SharedBytes = 98304, Resident = 1 };
    static readonly GemmKernel tf32x3Narrow = new("gemm_tf32x3_narrow.sm80.ptx", "gemm_tf32x3_narrow", 128, 64) { SharedBytes = 73728, Resident = 1 };
    static readonly GemmKernel tf32x3Registers = new("gemm_tf32x3_registers.sm80.ptx", "gemm_tf32x3_registers", 128, 128) { Resident = 1 };
    static readonly GemmKernel tf32 = new("gemm_tf32.sm80.ptx", "gemm_tf32", 128, 128) { SharedBytes = 98304, Threads = 128 };
    static readonly GemmKernel tf32Registers = new("gemm_tf32_registers.sm80.ptx", "gemm_tf32_registers", 128, 128) { Resident = 1 };
    static readonly GemmKernel f16 = new("gemm_half.sm80.ptx", "gemm_half", 128, 128) { SharedBytes = 81920, Threads = 128 };
    static readonly GemmKernel combine = new("gemm.ptx", "gemm_combine", 16, 16);
    static readonly Dictionary<(DType Factors, DType Result), GemmKernel> halves = (
        from factors in (DType[])[DType.Float16, DType.BFloat16]
        from result in (DType[])[DType.Float32, DType.Float16, DType.BFloat16]
        select f16.Of(factors, result)).ToDictionary(k => (k.Factors, k.Result));
    static readonly Dictionary<DType, GemmKernel> combines = new[] { DType.Float32, DType.Float16, DType.BFloat16 }.ToDictionary(t => t, t => combine.Of(DType.Float32, t));

    /// <summary>Threads of a block.</summary>
    public int Threads { get; init; } = 256;

    /// <summary>Blocks that run on a multiprocessor at once.</summary>
    public int Resident { get; init; } = 2;

    /// <summary>Dynamic shared memory of a block.</summary>
    public int SharedBytes { get; init; }

    /// <summary>The type of the factors.</summary>
    public DType Factors { get; private init; }

    /// <summary>The type of the result, and of the residual.</summary>
    public DType Result { get; private init; }

    /// <summary>What stands for its text among the texts of a device.</summary>
    string Key { get; init; } = File;

    GemmKernel Of(DType factors, DType result) => this with { Factors = factors, Result = result, Key = result == DType.Float32 && factors != DType.BFloat16 ? File : $"{result}({factors}):{File}" };

    /// <summary>The kernel on a device, with the ReLU's formula in its store.</summary>
    public Kernel On(KernelCache kernels) => kernels.Get(Key, Entry, this, static k =>
    {
        string text = HalfText.Factors(PtxFormula.Text(default(Ops.Relu), "relu", k.File, static o => [new("relu", v => ((IUnary)o).Apply(v[0]))]), k.Factors);
        return k.Result == DType.Float32 ? text : HalfText.Product(text, k.Result);
    });

    /// <summary>Adds up the pieces of a product, for a result of float32 or 16 bits.</summary>
    public static GemmKernel Combine(DType result) => combines[result];

    /// <summary>The kernel of a version, for results of N columns.</summary>
    public static GemmKernel For(GemmVersion version, int N) => version switch
    {
        GemmVersion.Plain => plain,
        GemmVersion.Tiles => tiles,
        GemmVersion.Registers => registers,
        GemmVersion.Async => async,
        GemmVersion.Tf32x3 => N <= 64 ? tf32x3Narrow : tf32x3,
        GemmVersion.Tf32x3Registers => tf32x3Registers,
        GemmVersion.Tf32Registers => tf32Registers,
        _ => tf32,
    };

    /// <summary>Version 6: factors of 16 bits on tensor cores, a result of float32 or 16 bits.</summary>
    public static GemmKernel Half(DType factors, DType result) => halves[(factors, result)];

    /// <summary>The version for a product of <c>[M, K]</c> and <c>[K, N]</c> on a device of a compute capability.</summary>
    public static GemmVersion Choose(int M, int N, int K, int architecture, bool allowTf32)
    {
        // Large tiles would be mostly empty.
        if (Math.Min(M, N) <= 32) return GemmVersion.Tiles;
        if (architecture < 80 || Determinism.Exact) return GemmVersion.Registers;
        return allowTf32 ? GemmVersion.Tf32 : GemmVersion.Tf32x3;
    }

    /// <summary>
    /// Into how many pieces K is cut, and the length of each but the last: the number that takes least time, counted in steps of K of one tile. Blocks run
    /// in waves; each does its share of K, and about 128 steps' work to start and to store. Every piece of a tile costs about one more step to add up, and
    /// the second kernel 40.
    /// </summary>
    public (int Pieces, int Length) Pieces(int M, int N, int K, long products)
    {
        long tiles = products * ((M + TileM - 1) / TileM) * ((N + TileN - 1) / TileN), atOnce = Multiprocessors * Resident;
        int best = 1;
        double least = double.PositiveInfinity;
        for (int n = 1; n == 1 || (n <= K / ShortestPiece && n <= atOnce); n++)
        {
            double cost = ((((tiles * n) + atOnce - 1) / atOnce) * (((double)K / n) + 128)) + (n > 1 ? (tiles * n) + 40 : 0);
            if (cost < least) (best, least) = (n, cost);
        }
        int length = (int)(((((long)K + best - 1) / best) + 31) / 32 * 32);
        return length >= K ? (1, K) : ((K + length - 1) / length, length);
    }
}
