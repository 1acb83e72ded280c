using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

/// <summary>Where one stretch of the inner dimension begins, in elements from the start of a tile's operands.</summary>
/// <param name="A">Offset into the left operand.</param>
/// <param name="B">Offset into the right operand.</param>
internal readonly record struct Tap(nint A, nint B);

/// <summary>The operands of one tile: a tile of C is the sum over taps and k of A[row, k] · B[k, column].</summary>
internal unsafe struct TileJob
{
    /// <summary>Element (row, k) of tap t is at <c>A + taps[t].A + row·RowStep + k·AStep</c>.</summary>
    public nint RowStep, AStep;

    /// <summary>Row k of B's panel is at <c>B + taps[t].B + k·BStep</c>; two vectors of it are read.</summary>
    public nint BStep;

    /// <summary>The stretches, and the length of each.</summary>
    public Tap* Taps;

    /// <summary>Number of taps.</summary>
    public int TapCount;

    /// <summary>Inner length of each tap.</summary>
    public int K;

    /// <summary>Most rows of a tile; 0 for the kernel's own.</summary>
    public int Most;

    /// <summary>What will be read after this tile: a line of it is asked for at each step of the inner loop, and one <see cref="Far"/> floats behind it.</summary>
    public float* Next;

    /// <summary>0 where the second line is the first.</summary>
    public nint Far;

    /// <summary>C starts from what lies <see cref="Start"/> floats from it instead of zero: its old content, or a residual.</summary>
    public bool Accumulate;

    /// <summary>Floats from C to the numbers it starts from.</summary>
    public nint Start;

    /// <summary>Bias (row, column) of the tile is added to the start; none where its address is null.</summary>
    public Matrix Bias;

    /// <summary>Negative results become zero.</summary>
    public bool Relu;
}

/// <summary>
/// The innermost loop of matrix products and convolutions: a block of rows x columns of C stays in registers while the inner dimension runs.
/// Written once for every vector width and number of rows; every element of C is one chain of fused multiply-adds in the order of k, so that
/// all widths and block shapes give the same bits.
/// </summary>
internal static unsafe class GemmKernel
{
    static readonly nint[] wide = new nint[15], narrow = new nint[15];

    /// <summary>Lanes of a vector: 16 (AVX-512), 8 (AVX2 with FMA) or 1.</summary>
    public static int Lanes { get; private set; }

    /// <summary>Columns of a panel of B: two vectors.</summary>
    public static int Panel => 2 * Lanes;

    /// <summary>Most rows of a tile.</summary>
    public static int MaxRows { get; private set; }

    static GemmKernel() => Use(Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 1);

    /// <summary>Chooses the vector width; tests try those below the machine's own.</summary>
    public static void Use(int lanes)
    {
        Lanes = lanes;
        MaxRows = lanes == 16 ? 14 : 6;
        if (lanes == 16) Fill<Vec16>();
        else if (lanes == 8) Fill<Vec8>();
        else Fill<Vec1>();
    }

    /// <summary>One tile of 1..<see cref="MaxRows"/> rows and one panel; writes <paramref name="columns"/> rounded up to whole vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Tile(int rows, int columns, in TileJob job, float* a, float* b, float* c, nint ldc)
        => ((delegate*<in TileJob, float*, float*, float*, nint, void>)(columns > Lanes ? wide : narrow)[rows])(job, a, b, c, ldc);

    static void Fill<V>() where V : struct, IVec<V>
    {
        Put<V, R1>(1);
        Put<V, R2>(2);
        Put<V, R3>(3);
        Put<V, R4>(4);
        Put<V, R5>(5);
        Put<V, R6>(6);
        Put<V, R7>(7);
        Put<V, R8>(8);
        Put<V, R9>(9);
        Put<V, R10>(10);
        Put<V, R11>(11);
        Put<V, R12>(12);
        Put<V, R13>(13);
        Put<V, R14>(14);
    }

    static void Put<V, R>(int rows) where V : struct, IVec<V> where R : struct, ICount
    {
        wide[rows] = (nint)(delegate*<in TileJob, float*, float*, float*, nint, void>)&Run<V, R, R2>;
        narrow[rows] = (nint)(delegate*<in TileJob, float*, float*, float*, nint, void>)&Run<V, R, R1>;
    }

    // R and N are constants of the instance: the branches on them are gone after compilation.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    static void Run<V, R, N>(in TileJob job, float* a, float* b, float* c, nint ldc) where V : struct, IVec<V> where R : struct, ICount where N : struct, ICount
    {
        V z = V.Create(0);
        V c0 = z, d0 = z;
        V c1 = z, d1 = z;
        V c2 = z, d2 = z;
        V c3 = z, d3 = z;
        V c4 = z, d4 = z;
        V c5 = z, d5 = z;
        V c6 = z, d6 = z;
        V c7 = z, d7 = z;
        V c8 = z, d8 = z;
        V c9 = z, d9 = z;
        V c10 = z, d10 = z;
        V c11 = z, d11 = z;
        V c12 = z, d12 = z;
        V c13 = z, d13 = z;
        if (Sse.IsSupported)
            for (int i = 0; i < R.Value; i++)
            {
                // What the end of the tile will ask for comes while it is computed.
                float* p = c + (i * ldc);
                Sse.Prefetch0(p);
                if (N.Value > 1) Sse.Prefetch0(p + V.Lanes);
                if (!job.Accumulate || job.Start == 0) continue;
                Sse.Prefetch0(p + job.Start);
                if (N.Value > 1) Sse.Prefetch0(p + job.Start + V.Lanes);
            }
        float* next = job.Next;
        nint rs = job.RowStep, rs2 = 2 * rs, rs3 = 3 * rs, ks = job.AStep * sizeof(float), bs = job.BStep * sizeof(float), far = job.Far; // steps in bytes: one addition
        for (int t = 0; t < job.TapCount; t++)
        {
            float* p0 = a + job.Taps[t].A, p4 = p0 + (4 * rs), p8 = p4 + (4 * rs), p12 = p8 + (4 * rs), q = b + job.Taps[t].B, end = q + (job.K * job.BStep);
            while (q != end)
            {
                V x, b0 = Unsafe.ReadUnaligned<V>(q), b1 = N.Value > 1 ? Unsafe.ReadUnaligned<V>(q + V.Lanes) : z;
                { x = V.Create(*p0); V.AddProduct(ref c0, x, b0); if (N.Value > 1) V.AddProduct(ref d0, x, b1); }
                if (R.Value > 1) { x = V.Create(p0[rs]); V.AddProduct(ref c1, x, b0); if (N.Value > 1) V.AddProduct(ref d1, x, b1); }
                if (R.Value > 2) { x = V.Create(p0[rs2]); V.AddProduct(ref c2, x, b0); if (N.Value > 1) V.AddProduct(ref d2, x, b1); }
                if (R.Value > 3) { x = V.Create(p0[rs3]); V.AddProduct(ref c3, x, b0); if (N.Value > 1) V.AddProduct(ref d3, x, b1); }
                if (R.Value > 4) { x = V.Create(*p4); V.AddProduct(ref c4, x, b0); if (N.Value > 1) V.AddProduct(ref d4, x, b1); }
                if (R.Value > 5) { x = V.Create(p4[rs]); V.AddProduct(ref c5, x, b0); if (N.Value > 1) V.AddProduct(ref d5, x, b1); }
                if (R.Value > 6) { x = V.Create(p4[rs2]); V.AddProduct(ref c6, x, b0); if (N.Value > 1) V.AddProduct(ref d6, x, b1); }
                if (R.Value > 7) { x = V.Create(p4[rs3]); V.AddProduct(ref c7, x, b0); if (N.Value > 1) V.AddProduct(ref d7, x, b1); }
                if (R.Value > 8) { x = V.Create(*p8); V.AddProduct(ref c8, x, b0); if (N.Value > 1) V.AddProduct(ref d8, x, b1); }
                if (R.Value > 9) { x = V.Create(p8[rs]); V.AddProduct(ref c9, x, b0); if (N.Value > 1) V.AddProduct(ref d9, x, b1); }
                if (R.Value > 10) { x = V.Create(p8[rs2]); V.AddProduct(ref c10, x, b0); if (N.Value > 1) V.AddProduct(ref d10, x, b1); }
                if (R.Value > 11) { x = V.Create(p8[rs3]); V.AddProduct(ref c11, x, b0); if (N.Value > 1) V.AddProduct(ref d11, x, b1); }
                if (R.Value > 12) { x = V.Create(*p12); V.AddProduct(ref c12, x, b0); if (N.Value > 1) V.AddProduct(ref d12, x, b1); }
                if (R.Value > 13) { x = V.Create(p12[rs]); V.AddProduct(ref c13, x, b0); if (N.Value > 1) V.AddProduct(ref d13, x, b1); }
                if (Sse.IsSupported)
                {
                    Sse.Prefetch1(next);
                    Sse.Prefetch1(next + far);
                }
                next += 16;
                p0 = (float*)((byte*)p0 + ks);
                if (R.Value > 4) p4 = (float*)((byte*)p4 + ks);
                if (R.Value > 8) p8 = (float*)((byte*)p8 + ks);
                if (R.Value > 12) p12 = (float*)((byte*)p12 + ks);
                q = (float*)((byte*)q + bs);
            }
        }
        if (job.Accumulate)
        {
            float* p = c + job.Start;
            if (R.Value > 0) Add<V, N>(ref p, ldc, ref c0, ref d0);
            if (R.Value > 1) Add<V, N>(ref p, ldc, ref c1, ref d1);
            if (R.Value > 2) Add<V, N>(ref p, ldc, ref c2, ref d2);
            if (R.Value > 3) Add<V, N>(ref p, ldc, ref c3, ref d3);
            if (R.Value > 4) Add<V, N>(ref p, ldc, ref c4, ref d4);
            if (R.Value > 5) Add<V, N>(ref p, ldc, ref c5, ref d5);
            if (R.Value > 6) Add<V, N>(ref p, ldc, ref c6, ref d6);
            if (R.Value > 7) Add<V, N>(ref p, ldc, ref c7, ref d7);
            if (R.Value > 8) Add<V, N>(ref p, ldc, ref c8, ref d8);
            if (R.Value > 9) Add<V, N>(ref p, ldc, ref c9, ref d9);
            if (R.Value > 10) Add<V, N>(ref p, ldc, ref c10, ref d10);
            if (R.Value > 11) Add<V, N>(ref p, ldc, ref c11, ref d11);
            if (R.Value > 12) Add<V, N>(ref p, ldc, ref c12, ref d12);
            if (R.Value > 13) Add<V, N>(ref p, ldc, ref c13, ref d13);
        }
        if (job.Bias.P != null)
        {
            float* p = job.Bias.P;
            Load<V, N>(ref p, 0, out V u, out V v);
            if (R.Value > 0) { c0 += u; d0 += v; }
            if (R.Value > 1) { c1 += u; d1 += v; }
            if (R.Value > 2) { c2 += u; d2 += v; }
            if (R.Value > 3) { c3 += u; d3 += v; }
            if (R.Value > 4) { c4 += u; d4 += v; }
            if (R.Value > 5) { c5 += u; d5 += v; }
            if (R.Value > 6) { c6 += u; d6 += v; }
            if (R.Value > 7) { c7 += u; d7 += v; }
            if (R.Value > 8) { c8 += u; d8 += v; }
            if (R.Value > 9) { c9 += u; d9 += v; }
            if (R.Value > 10) { c10 += u; d10 += v; }
            if (R.Value > 11) { c11 += u; d11 += v; }
            if (R.Value > 12) { c12 += u; d12 += v; }
            if (R.Value > 13) { c13 += u; d13 += v; }
        }
        if (job.Relu)
        {
            if (R.Value > 0) { c0 = V.Relu(c0); if (N.Value > 1) d0 = V.Relu(d0); }
            if (R.Value > 1) { c1 = V.Relu(c1); if (N.Value > 1) d1 = V.Relu(d1); }
            if (R.Value > 2) { c2 = V.Relu(c2); if (N.Value > 1) d2 = V.Relu(d2); }
            if (R.Value > 3) { c3 = V.Relu(c3); if (N.Value > 1) d3 = V.Relu(d3); }
            if (R.Value > 4) { c4 = V.Relu(c4); if (N.Value > 1) d4 = V.Relu(d4); }
            if (R.Value > 5) { c5 = V.Relu(c5); if (N.Value > 1) d5 = V.Relu(d5); }
            if (R.Value > 6) { c6 = V.Relu(c6); if (N.Value > 1) d6 = V.Relu(d6); }
            if (R.Value > 7) { c7 = V.Relu(c7); if (N.Value > 1) d7 = V.Relu(d7); }
            if (R.Value > 8) { c8 = V.Relu(c8); if (N.Value > 1) d8 = V.Relu(d8); }
            if (R.Value > 9) { c9 = V.Relu(c9); if (N.Value > 1) d9 = V.Relu(d9); }
            if (R.Value > 10) { c10 = V.Relu(c10); if (N.Value > 1) d10 = V.Relu(d10); }
            if (R.Value > 11) { c11 = V.Relu(c11); if (N.Value > 1) d11 = V.Relu(d11); }
            if (R.Value > 12) { c12 = V.Relu(c12); if (N.Value > 1) d12 = V.Relu(d12); }
            if (R.Value > 13) { c13 = V.Relu(c13); if (N.Value > 1) d13 = V.Relu(d13); }
        }
        if (R.Value > 0) Store<V, N>(ref c, ldc, c0, d0);
        if (R.Value > 1) Store<V, N>(ref c, ldc, c1, d1);
        if (R.Value > 2) Store<V, N>(ref c, ldc, c2, d2);
        if (R.Value > 3) Store<V, N>(ref c, ldc, c3, d3);
        if (R.Value > 4) Store<V, N>(ref c, ldc, c4, d4);
        if (R.Value > 5) Store<V, N>(ref c, ldc, c5, d5);
        if (R.Value > 6) Store<V, N>(ref c, ldc, c6, d6);
        if (R.Value > 7) Store<V, N>(ref c, ldc, c7, d7);
        if (R.Value > 8) Store<V, N>(ref c, ldc, c8, d8);
        if (R.Value > 9) Store<V, N>(ref c, ldc, c9, d9);
        if (R.Value > 10) Store<V, N>(ref c, ldc, c10, d10);
        if (R.Value > 11) Store<V, N>(ref c, ldc, c11, d11);
        if (R.Value > 12) Store<V, N>(ref c, ldc, c12, d12);
        if (R.Value > 13) Store<V, N>(ref c, ldc, c13, d13);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Load<V, N>(ref float* p, nint ldc, out V v0, out V v1) where V : struct, IVec<V> where N : struct, ICount
    {
        v0 = Unsafe.ReadUnaligned<V>(p);
        v1 = N.Value > 1 ? Unsafe.ReadUnaligned<V>(p + V.Lanes) : V.Create(0);
        p += ldc;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<V, N>(ref float* p, nint ldc, ref V v0, ref V v1) where V : struct, IVec<V> where N : struct, ICount
    {
        Load<V, N>(ref p, ldc, out V x0, out V x1);
        v0 += x0;
        v1 += x1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<V, N>(ref float* p, nint ldc, V v0, V v1) where V : struct, IVec<V> where N : struct, ICount
    {
        Unsafe.WriteUnaligned(p, v0);
        if (N.Value > 1) Unsafe.WriteUnaligned(p + V.Lanes, v1);
        p += ldc;
    }

    interface ICount
    {
        static abstract int Value { get; }
    }

    readonly struct R1 : ICount { public static int Value => 1; }
    readonly struct R2 : ICount { public static int Value => 2; }
    readonly struct R3 : ICount { public static int Value => 3; }
    readonly struct R4 : ICount { public static int Value => 4; }
    readonly struct R5 : ICount { public static int Value => 5; }
    readonly struct R6 : ICount { public static int Value => 6; }
    readonly struct R7 : ICount { public static int Value => 7; }
    readonly struct R8 : ICount { public static int Value => 8; }
    readonly struct R9 : ICount { public static int Value => 9; }
    readonly struct R10 : ICount { public static int Value => 10; }
    readonly struct R11 : ICount { public static int Value => 11; }
    readonly struct R12 : ICount { public static int Value => 12; }
    readonly struct R13 : ICount { public static int Value => 13; }
    readonly struct R14 : ICount { public static int Value => 14; }
}
