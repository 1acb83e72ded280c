namespace Tessera.Emulator;

/// <summary>What is counted: instructions of warps by kind, operations by type, and what the requests to memory come to.</summary>
enum Count : byte
{
    None, GenericInstructions,
    IntegerInstructions, FloatInstructions, MatrixInstructions, ConversionInstructions, MoveInstructions, ControlInstructions,
    SynchronizationInstructions, GlobalInstructions, SharedInstructions, LocalInstructions, ParameterInstructions,
    SingleFlops, DoubleFlops, HalfFlops, MatrixFlops, Tf32MatrixFlops, IntegerMatrixOps,
    WarpInstructions, ThreadInstructions, DivergentBranches,
    GlobalBytesRead, GlobalBytesWritten, GlobalRequests, GlobalSectors, FootprintRead, FootprintWritten,
    SharedBytesRead, SharedBytesWritten, SharedRequests, BankConflicts, LocalBytesRead, LocalBytesWritten,
}

/// <summary>The kind of an instruction, and its operations of one type: of a thread, or, on the matrix units, of the warp. A generic access counts where its address leads.</summary>
readonly record struct Work(Count Kind, Count Type = Count.None, int Flops = 0)
{
    public static Work Of(Instruction i)
    {
        PtxType type = i.Modifiers.Select(PtxTypes.Parse).FirstOrDefault(t => t != PtxType.None);
        return i.Opcode switch
        {
            "atom" or "red" => Atomic(i, type),
            "cp" => new(i.Has("commit_group") || i.Has("wait_group") || i.Has("wait_all") ? Count.SynchronizationInstructions : Count.GlobalInstructions),
            "mma" => Product(i),
            "wmma" => i.Has("mma") ? Product(i) : new(Place(i)),
            var opcode when FormTable.Is(opcode, "access") => new(Place(i)),
            var opcode when FormTable.Is(opcode, "global") => new(Count.GlobalInstructions),
            var opcode when FormTable.Is(opcode, "shared") => new(Count.SharedInstructions),
            var opcode when FormTable.Is(opcode, "conversion") => new(Count.ConversionInstructions),
            var opcode when FormTable.Is(opcode, "move") => new(Count.MoveInstructions),
            var opcode when FormTable.Is(opcode, "control") => new(Count.ControlInstructions),
            var opcode when FormTable.Is(opcode, "synchronization") => new(Count.SynchronizationInstructions),
            _ => Arithmetic(i.Opcode, type),
        };
    }

    static Count Place(Instruction i)
    {
        foreach (string m in i.Modifiers)
        {
            switch (m)
            {
                case "global": return Count.GlobalInstructions;
                case "shared" or "shared::cta" or "shared::cluster": return Count.SharedInstructions;
                case "local": return Count.LocalInstructions;
                case "param" or "param::entry" or "param::func" or "const": return Count.ParameterInstructions;
            }
        }
        return Count.GenericInstructions;
    }

    /// <summary>Sums of floats are operations.</summary>
    static Work Atomic(Instruction i, PtxType type)
    {
        Work sum = i.Has("add") && !type.IsInteger() ? Arithmetic("add", type) : default;
        return sum with { Kind = Place(i), Flops = sum.Flops * (i.Has("v2") ? 2 : i.Has("v4") ? 4 : i.Has("v8") ? 8 : 1) };
    }

    static Work Arithmetic(string opcode, PtxType type)
    {
        (Count kind, int values) = type switch
        {
            PtxType.F32 => (Count.SingleFlops, 1),
            PtxType.F32x2 => (Count.SingleFlops, 2),
            PtxType.F64 => (Count.DoubleFlops, 1),
            PtxType.F16 or PtxType.Bf16 => (Count.HalfFlops, 1),
            PtxType.F16x2 or PtxType.Bf16x2 => (Count.HalfFlops, 2),
            _ => (Count.None, 0),
        };
        if (kind == Count.None) return new(Count.IntegerInstructions);
        int each = opcode switch
        {
            "fma" or "mad" => 2,
            "add" or "sub" or "mul" or "div" or "rcp" or "sqrt" or "rsqrt" or "sin" or "cos" or "lg2" or "ex2" or "tanh" => 1,
            _ => 0,
        };
        return new(Count.FloatInstructions, kind, each * values);
    }

    static Work Product(Instruction i)
    {
        (int m, int n, int k) = Decoder.ShapeOf(i);
        PtxType factor = i.Modifiers.Select(PtxTypes.Parse).Where(t => t != PtxType.None).ElementAtOrDefault(1);
        Count type = factor == PtxType.Tf32 ? Count.Tf32MatrixFlops : factor.IsInteger() || factor is PtxType.U4 or PtxType.S4 or PtxType.B1 ? Count.IntegerMatrixOps : Count.MatrixFlops;
        return new(Count.MatrixInstructions, type, 2 * m * n * k);
    }
}
