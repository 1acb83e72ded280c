using System.Numerics;

namespace Tessera.Emulator;

/// <summary>Which lane, register and part of it holds an element of a matrix.</summary>
readonly record struct Place(int Lane, int Register, int Part);

/// <summary>How the elements of a matrix are spread over the registers of a warp.</summary>
static class Fragment
{
    /// <summary>Elements of a type in one register.</summary>
    public static int PerRegister(PtxType type) => type.Bits() >= 32 ? 1 : 32 / type.Bits();

    /// <summary>wmma: PTX leaves the order open; ours gives each lane a run of elements.</summary>
    public static Place Open(int rows, int columns, int row, int column, PtxType type)
    {
        int each = Math.Max(1, rows * columns / 32), e = (row * columns) + column, k = e % each, per = PerRegister(type);
        return new(e / each, k / per, k % per);
    }

    /// <summary>mma: the first factor, M x K.</summary>
    public static Place A(int m, int row, int k, PtxType type)
    {
        int per = PerRegister(type);
        return new((row % 8 * 4) + (k / per % 4), (row / 8) + (k / (4 * per) * (m / 8)), k % per);
    }

    /// <summary>mma: the second factor, K x 8.</summary>
    public static Place B(int k, int column, PtxType type)
    {
        int per = PerRegister(type);
        return new((column * 4) + (k / per % 4), k / (4 * per), k % per);
    }

    /// <summary>mma: the sum, M x 8.</summary>
    public static Place C(int row, int column, PtxType type)
    {
        int per = PerRegister(type), k = (row / 8 * 2) + (column % 2);
        return new((row % 8 * 4) + (column / 2), k / per, k % per);
    }

    public static unsafe ulong Read(byte* r, Slot64[] slots, Place p, PtxType type)
    {
        ulong bits = slots[p.Register].Read(r, p.Lane);
        return type.Bits() >= 32 ? bits : bits >> (p.Part * type.Bits()) & ((1ul << type.Bits()) - 1);
    }

    public static unsafe void Write(byte* r, Slot64[] slots, Place p, PtxType type, ulong value)
    {
        if (type.Bits() < 32)
        {
            int shift = p.Part * type.Bits();
            ulong mask = ((1ul << type.Bits()) - 1) << shift;
            value = (slots[p.Register].Read(r, p.Lane) & ~mask) | (value << shift & mask);
        }
        slots[p.Register].Write(r, p.Lane, value);
    }
}

/// <summary>wmma.load and wmma.store: a matrix between memory and the registers of a warp.</summary>
sealed unsafe class MatrixMove(Address address, bool store, Slot64[] slots, int rows, int columns, bool rowMajor, PtxType type, Slot64? stride) : MemoryOp(address)
{
    public override void Run(Warp w, uint mask)
    {
        if (mask != w.Lanes || mask != uint.MaxValue) throw w.Fail(this, 0, "warp", "all 32 lanes of the warp must take part");
        byte* r = w.Registers;
        int bits = type.Bits(), bytes = Math.Max(1, bits / 8), ld = stride is Slot64 s ? (int)(uint)s.Read(r, 0) : rowMajor ? columns : rows;
        ulong start = From.Of(w, 0);
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                Place place = Fragment.Open(rows, columns, row, column, type);
                // In bits: elements of 1 and 4 bits lie side by side in a byte, the first in its lowest bits.
                long offset = (rowMajor ? ((long)row * ld) + column : ((long)column * ld) + row) * bits;
                byte* p = Pointer(w, new Address(From.Space, null, unchecked((long)start + (offset >> 3)), false), place.Lane, bytes, bytes, store);
                if (bits < 8) Fragment.Write(r, slots, place, type, (uint)*p >> (int)(offset & 7) & ((1u << bits) - 1));
                else if (store) Put(p, bytes, Fragment.Read(r, slots, place, type));
                else Fragment.Write(r, slots, place, type, Get(p, bytes));
            }
        }
    }

    /// <summary>Each lane with a run of elements of 16 bytes, the order of PTX's choice and ours.</summary>
    public override void Observe(Warp w, uint mask)
    {
        byte* r = w.Registers;
        int bytes = Math.Max(1, type.Bits() / 8), inner = rowMajor ? columns : rows, lines = rowMajor ? rows : columns, ld = stride is Slot64 s ? (int)(uint)s.Read(r, 0) : inner;
        if (type.Bits() < 8) (inner, ld) = (inner * type.Bits() / 8, ld * type.Bits() / 8);
        int run = Math.Min(inner, 16 / bytes), runs = inner / run, all = lines * runs;
        ulong start = From.Of(w, 0);
        for (int first = 0; first < all; first += 32)
        {
            int here = first;
            NoteEach(w, all - first >= 32 ? mask : mask & ((1u << (all - first)) - 1), run * bytes, bytes, store ? Access.Write : Access.Read,
                lane => new(From.Space, null, unchecked((long)start + ((((long)((here + lane) / runs) * ld) + ((here + lane) % runs * run)) * bytes)), false));
        }
    }

    static ulong Get(byte* p, int bytes) => bytes switch { 1 => *p, 2 => *(ushort*)p, 4 => *(uint*)p, _ => *(ulong*)p };

    static void Put(byte* p, int bytes, ulong value)
    {
        if (bytes == 1) *p = (byte)value;
        else if (bytes == 2) *(ushort*)p = (ushort)value;
        else if (bytes == 4) *(uint*)p = (uint)value;
        else *(ulong*)p = value;
    }
}

/// <summary>The types and sizes of D = A B + C.</summary>
readonly record struct MatrixShape(int M, int N, int K, PtxType D, PtxType A, PtxType B, PtxType C, bool Open);

/// <summary>
/// mma.sync and wmma.mma: D[M, N] = A[M, K] B[K, N] + C. Products and sums are exact or in double; each result is rounded once. Of single bits, a
/// product is their "and", or their exclusive or: x ^ y = 1/2 + (1 - 2x)(y - 1/2).
/// </summary>
sealed unsafe class MatrixMultiply(MatrixShape shape, Slot64[] d, Slot64[] a, Slot64[] b, Slot64[] c, bool saturate, bool xor) : Op
{
    readonly bool integers = shape.A.IsInteger() || shape.A is PtxType.U4 or PtxType.S4 or PtxType.B1;

    readonly Place[] inA = Table(shape.M, shape.K, (i, k) => shape.Open ? Fragment.Open(shape.M, shape.K, i, k, shape.A) : Fragment.A(shape.M, i, k, shape.A));
    readonly Place[] inB = Table(shape.K, shape.N, (k, j) => shape.Open ? Fragment.Open(shape.K, shape.N, k, j, shape.B) : Fragment.B(k, j, shape.B));
    readonly Place[] inC = Table(shape.M, shape.N, (i, j) => PlaceC(shape, i, j, shape.C)), inD = Table(shape.M, shape.N, (i, j) => PlaceC(shape, i, j, shape.D));

    static Place PlaceC(MatrixShape shape, int row, int column, PtxType type) => shape.Open ? Fragment.Open(shape.M, shape.N, row, column, type) : Fragment.C(row, column, type);

    static Place[] Table(int rows, int columns, Func<int, int, Place> place)
        => [.. Enumerable.Range(0, rows * columns).Select(i => place(i / columns, i % columns))];

    public override void Run(Warp w, uint mask)
    {
        if (mask != w.Lanes || mask != uint.MaxValue) throw w.Fail(this, 0, "warp", "all 32 lanes of the warp must take part");
        byte* r = w.Registers;
        (int n, int k) = (shape.N, shape.K);
        Span<double> x = stackalloc double[inA.Length], y = stackalloc double[inB.Length], z = stackalloc double[inC.Length];
        Load(r, a, inA, shape.A, x);
        Load(r, b, inB, shape.B, y);
        Load(r, c, inC, shape.C, z);
        if (xor) Exclusive(x, y, z);
        for (int i = 0; i < shape.M; i++)
        {
            Span<double> sums = z.Slice(i * n, n);
            for (int l = 0; l < k; l++) AddProduct(x[(i * k) + l], y.Slice(l * n, n), sums);
        }
        for (int i = 0; i < z.Length; i++) Fragment.Write(r, d, inD[i], shape.D, Bits(z[i]));
    }

    void Load(byte* r, Slot64[] slots, Place[] places, PtxType type, Span<double> values)
    {
        for (int i = 0; i < places.Length; i++) values[i] = Value(type, Fragment.Read(r, slots, places[i], type));
    }

    /// <summary>Makes of bits the factors, and of sums the start, of a sum of exclusive ors.</summary>
    void Exclusive(Span<double> x, Span<double> y, Span<double> sums)
    {
        foreach (ref double v in x) v = 1 - (2 * v);
        foreach (ref double v in y) v -= 0.5;
        foreach (ref double v in sums) v += shape.K / 2.0;
    }

    /// <summary>sums += x · y.</summary>
    static void AddProduct(double x, Span<double> y, Span<double> sums)
    {
        int j = 0;
        for (; j <= sums.Length - Vector<double>.Count; j += Vector<double>.Count)
            (new Vector<double>(sums[j..]) + (new Vector<double>(y[j..]) * x)).CopyTo(sums[j..]);
        for (; j < sums.Length; j++) sums[j] += x * y[j];
    }

    double Value(PtxType type, ulong bits) => type switch
    {
        PtxType.S4 => (int)(bits << 28) >> 28,
        PtxType.U4 or PtxType.B1 => bits,
        PtxType.E4m3 or PtxType.E5m2 => SmallFloat.Of(type)!.Value.Value(bits),
        // tf32 has 10 bits of fraction; the others are ignored.
        PtxType.Tf32 => BitConverter.UInt32BitsToSingle((uint)bits & 0xFFFF_E000),
        _ when type.IsInteger() => (double)Converter.Integer(type, bits),
        _ => Converter.Float(type, bits),
    };

    ulong Bits(double sum) => integers
        ? saturate ? (uint)(int)Math.Clamp(sum, int.MinValue, int.MaxValue) : (uint)(long)sum
        : Converter.FloatBits(shape.D, Converter.Round(shape.D, sum, 0, RoundingMode.Nearest));
}

/// <summary>ldmatrix and stmatrix: 8 x 8 matrices of 16-bit elements; lane 8 i + j has the address of row j of matrix i.</summary>
sealed unsafe class MatrixRows(Address address, bool store, Slot64[] slots, bool transposed) : MemoryOp(address)
{
    public override void Run(Warp w, uint mask)
    {
        if (mask != w.Lanes || mask != uint.MaxValue) throw w.Fail(this, 0, "warp", "all 32 lanes of the warp must take part");
        byte* r = w.Registers;
        for (int i = 0; i < slots.Length; i++)
        {
            for (int row = 0; row < 8; row++)
            {
                ushort* p = (ushort*)Pointer(w, (i * 8) + row, 16, 16);
                for (int column = 0; column < 8; column++)
                {
                    (int major, int minor) = transposed ? (column, row) : (row, column);
                    Place place = new((major * 4) + (minor / 2), i, minor % 2);
                    if (store) p[column] = (ushort)Fragment.Read(r, slots, place, PtxType.B16);
                    else Fragment.Write(r, slots, place, PtxType.B16, p[column]);
                }
            }
        }
    }

    public override void Observe(Warp w, uint mask) => NoteEach(w, slots.Length == 4 ? mask : mask & ((1u << (8 * slots.Length)) - 1), 16, 16, store ? Access.Write : Access.Read, _ => From);
}
