using System.Numerics;

namespace Tessera.Emulator;

/// <summary>One operation for each instruction.</summary>
sealed partial class Decoder
{
    (Op Op, bool Ends) Make(Instruction i)
    {
        PtxType[] types = TypesOf(i);
        PtxType t = types.Length > 0 ? types[0] : PtxType.None;
        Operand[] o = i.Operands;
        switch (i.Opcode)
        {
            case "bra":
                Branch branch = new(TargetOf(((NameOperand)o[0]).Name));
                return (branch, true);
            case "brx": return (Indexed(o), true);
            case "ret": return (new Return(), true);
            case "exit": return (new Exit(), true);
            case "trap" or "brkpt": return (new Trap(), true);
            case "call": return (Calling(o), true);
            case "bar" or "barrier" when i.Has("warp"): return (new WarpBarrier(), false);
            case "barrier" when i.Has("cluster"): return (ClusterBarriers(i), true);
            case "bar" or "barrier": return (Synchronise(i, o), true);
            default: return (Straight(i, t, types, o), false);
        }
    }

    Op Straight(Instruction i, PtxType t, PtxType[] types, Operand[] o) => i.Opcode switch
    {
        "mov" => Move(i, t, o),
        "ld" or "ldu" => new Load(Address(o[1], SpaceOf(i)), t, Vector(o[0], t, result: true)),
        "st" or "red" when i.Has("async") => Announced(i, t, o),
        "mapa" or "getctarank" => ClusterAddresses(i, t, o),
        "st" => new Store(Address(o[0], SpaceOf(i)), t, Vector(o[1], t, result: false)),
        "cvta" => CvtAddress(i, o),
        "cvt" => Convert(i, types, o),
        "add" or "sub" or "mul" or "mad" or "fma" or "min" or "max" or "div" or "rem" or "abs" or "neg" or "sqrt" or "rcp" => Arithmetic(i, t, o),
        "addc" or "subc" or "madc" => Carrying(i, t, o),
        "rsqrt" or "sin" or "cos" or "lg2" or "ex2" or "tanh" => Approximate(i, t, o),
        "and" or "or" or "xor" or "not" or "cnot" => Logic(i, t, o),
        "lop3" when o.Length == 6 => Lop3Joined(i, o),
        "shl" or "shr" or "shf" or "bfe" or "bfi" or "bfind" or "brev" or "popc" or "clz" or "lop3" or "prmt" or "dp4a" or "sad" or "copysign" or "slct" => Bits(i, t, types, o),
        "setp" => SetPredicate(i, t, o),
        "set" => SetValue(i, types, o),
        "selp" => Selecting(t, o),
        "shfl" => new Shuffle(i.Modifiers.First(m => m is "up" or "down" or "bfly" or "idx"), Result(o[0]), SecondPredicate(o[0]), Source(o[1], t),
            Source(o[2], PtxType.B32), Source(o[3], PtxType.B32), o.Length > 4 ? Source(o[4], PtxType.B32) : null),
        "vote" => Voting(i, o),
        "match" => new Match(i.Has("all"), Result(o[0]), SecondPredicate(o[0]), Source(o[1], t)),
        "activemask" => new ActiveMask(Result(o[0])),
        "redux" => new Reduce(Result(o[0]), Source(o[1], t), Reduction(i, t)),
        "atom" when t == PtxType.B128 && !i.Has("async") => Rare(i, t, types, o),
        "atom" or "red" => AtomicOp(i, t, o),
        "elect" or "isspacep" or "testp" or "movmatrix" or "createpolicy" or "setmaxnreg" or "mul24" or "mad24" or "bmsk" or "szext" or "fns" or "dp2a" => Rare(i, t, types, o),
        "cp" => Copying(i, o),
        "mbarrier" => Mbarriers(i, o),
        "wmma" => Wmma(i, types, o),
        "mma" => Mma(i, types, o),
        "ldmatrix" => new MatrixRows(Address(o[1], SpaceOf(i)), false, Vector(o[0], PtxType.B32, result: true), i.Has("trans")),
        "stmatrix" => new MatrixRows(Address(o[0], SpaceOf(i)), true, Vector(o[1], PtxType.B32, result: false), i.Has("trans")),
        "membar" or "fence" when !i.Has("proxy") => new Fence(Ordering.LevelOf(i)),
        "membar" or "fence" or "nanosleep" or "prefetch" or "prefetchu" or "discard" or "applypriority" or "griddepcontrol" or "pmevent" => new Nothing(),
        _ when i.Opcode[0] == 'v' => Video(i, types, o),
        _ => throw Unsupported($"'{i.Opcode}'"),
    };

    Op Indexed(Operand[] o)
    {
        Table table = (Table)scope.Find(((NameOperand)o[1]).Name)!;
        return new IndexedBranch(Source(o[0], PtxType.U32), [.. table.Targets.Select(TargetOf)]);
    }

    Op Synchronise(Instruction i, Operand[] o)
    {
        int at = i.Has("red") ? 1 : 0;
        bool counted = o.Length - at - (i.Has("red") ? 1 : 0) > 1;
        (int vote, bool negated) = i.Has("red") ? Predicate(o[^1]) : (-1, false);
        string reduction = !i.Has("red") ? "" : i.Has("popc") ? "popc" : i.Has("and") ? "and" : "or";
        Slot64? count = counted ? Source(o[at + 1], PtxType.U32) : null;
        return new BarrierOp(Source(o[at], PtxType.U32), count, !i.Has("arrive"), NextBlock, reduction, at == 1 ? Result(o[0]).Offset : -1, vote, negated)
        {
            Aligned = i.Opcode == "bar" || i.Has("aligned"),
        };
    }

    Op Calling(Operand[] o)
    {
        int at = o[0] is ListOperand && o.Length > 1 ? 1 : 0;
        Operand[] results = at == 1 ? ((ListOperand)o[0]).Elements : [], arguments = o.Length > at + 1 && o[at + 1] is ListOperand list ? list.Elements : [];
        NameOperand callee = (NameOperand)o[at];
        code.Calls = true;
        if (image.Global.Find(callee.Name) is Function named) return image.Body(named) is Function defined ? CallOf(defined, results, arguments) : ExternalCallOf(named, results, arguments);
        if (body.Count > 0) Close(null);
        int here = blocks[^1].Index;
        var known = image.Module.Functions.Where(f => f.Body != null && !f.IsEntry && f.Parameters.Length == arguments.Length
            && f.Results.Length == results.Length && Fit(f, (Table)scope.Find(((NameOperand)o[^1]).Name)!))
            .ToDictionary(image.AddressOf, f => CallOf(f, results, arguments));
        foreach (Call call in known.Values) call.Position = instruction.Position;
        return new IndirectCall(Register(callee), known, here);
    }

    /// <summary>Whether a function has the parameters of a prototype, or stands in a table of targets.</summary>
    static bool Fit(Function f, Table table)
    {
        static bool Same(Variable[] a, Variable[] b) => a.Zip(b).All(x => x.First.Bytes == x.Second.Bytes && x.First.Space == x.Second.Space);
        return table.Kind == TableKind.Prototype ? Same(f.Parameters, table.Parameters) && Same(f.Results, table.Results) : table.Targets.Contains(f.Name);
    }

    ExternalCall ExternalCallOf(Function f, Operand[] results, Operand[] arguments)
    {
        Decoder layout = new(image, f, shared, numerics);
        layout.Parameters();
        return new(f.Name, [.. arguments.Select((a, k) => layout.Passing(f.Parameters[k], a, this, result: false))],
            [.. results.Select((r, k) => (r, k)).Where(x => x.r is not SinkOperand).Select(x => layout.Passing(f.Results[x.k], x.r, this, result: true))], NextBlock);
    }

    Call CallOf(Function f, Operand[] results, Operand[] arguments)
    {
        Code callee() => image.CodeOf(f, shared, numerics);
        // The callee's layout is only known when it is decoded, which a recursive function is not yet.
        List<CallValue> ins = [], outs = [];
        Decoder layout = new(image, f, shared, numerics);
        layout.Parameters();
        for (int k = 0; k < arguments.Length; k++) ins.Add(layout.Passing(f.Parameters[k], arguments[k], this, result: false));
        for (int k = 0; k < results.Length; k++) if (results[k] is not SinkOperand) outs.Add(layout.Passing(f.Results[k], results[k], this, result: true));
        return new Call(callee, [.. ins], [.. outs], NextBlock);
    }

    /// <summary>How one value gets from the caller's operand to this function's parameter, or back.</summary>
    CallValue Passing(Variable formal, Operand actual, Decoder caller, bool result)
    {
        Slot64? mine = formal.Space == Space.Reg ? Register(new(formal.Position, formal.Name, "", 0)) : null;
        int myLocal = mine == null ? locals[formal] : 0;
        bool local = actual is NameOperand name && caller.scope.Find(name.Name) is Variable { Space: Space.Param };
        Slot64? theirs = local ? null : caller.Source(actual, formal.Type);
        int theirLocal = local ? caller.locals[(Variable)caller.scope.Find(((NameOperand)actual).Name)!] : 0;
        int bytes = (int)Math.Max(1, formal.Bytes);
        return result ? new(bytes, mine, myLocal, theirs, theirLocal) : new(bytes, theirs, theirLocal, mine, myLocal);
    }

    Op Move(Instruction i, PtxType t, Operand[] o)
    {
        if (t == PtxType.Pred)
        {
            if (o[1] is NameOperand { Name: "%is_explicit_cluster" } named && scope.Find(named.Name) == null) return new ReadClusterPredicate(Result(o[0]).Offset);
            (int p, bool negated) = Predicate(o[1]);
            return new PredicateOp(Result(o[0]).Offset, p, negated, p, false, (a, _) => a);
        }
        if (i.Has("v2") || i.Has("v4")) return MoveVector(t, o);
        if (t == PtxType.B128) return MoveWide(o);
        if (o[0] is VectorOperand or NameOperand && (o[0] is VectorOperand || o[1] is VectorOperand)) return Packing(t, o);
        if (o[1] is NameOperand name)
        {
            object? symbol = scope.Find(name.Name);
            if (symbol == null && SpecialRegister.TryGet(name.Name, out _)) return new ReadSpecial(Result(o[0]), Special(name));
            if (symbol is Variable { Space: not Space.Reg } v) return MoveAddress(v, name.Offset, Result(o[0]));
            if (symbol is Function f)
            {
                ulong entry = image.AddressOf(image.Body(f) ?? throw Unsupported($"the external function '{f.Name}'"));
                return new ReadSpecial(Result(o[0]), (_, _) => entry);
            }
        }
        Slot64 d = Result(o[0]), a = Source(o[1], t);
        return d.Bytes switch
        {
            4 => new Vector1<uint, Copy<uint>>(d.Offset, a.Offset),
            8 => new Vector1<ulong, Copy<ulong>>(d.Offset, a.Offset),
            _ => throw Unsupported("mov of 128 bits"),
        };
    }

    Op MoveAddress(Variable v, long offset, Slot64 d)
    {
        if (v.Space == Space.Param && function.IsEntry && code.ParameterOffsets.TryGetValue(v, out int at))
            return new ReadSpecial(d, (w, _) => unchecked(w.Cta.Launch.Parameters + (ulong)(at + offset)));
        (ulong value, bool frame) = AddressOf(v);
        value = unchecked(value + (ulong)offset);
        return frame ? new ReadSpecial(d, (w, _) => unchecked(value + (ulong)w.LocalBase)) : new ReadSpecial(d, (_, _) => value);
    }

    /// <summary><c>mov.b64 %d, {%r1, %r2}</c> and back.</summary>
    Op Packing(PtxType t, Operand[] o)
    {
        if (o[0] is VectorOperand parts)
        {
            bool isAddress = o[1] is NameOperand named && scope.Find(named.Name) is Variable { Space: not Space.Reg };
            Slot64 whole = isAddress ? new(Take(256, 64), 8) : Source(o[1], t);
            int bits = t.Bits() / parts.Elements.Length;
            Op[] first = isAddress ? [MoveAddress((Variable)scope.Find(((NameOperand)o[1]).Name)!, ((NameOperand)o[1]).Offset, whole)] : [];
            return new Sequence([.. first, .. parts.Elements.Select((e, k) => (e, k)).Where(x => x.e is not SinkOperand)
                .Select(x => (Op)new Map(Result(x.e), whole, whole, whole, (v, _, _) => v >> (x.k * bits) & (bits == 64 ? ulong.MaxValue : (1ul << bits) - 1)))]);
        }
        Operand[] elements = ((VectorOperand)o[1]).Elements;
        int each = t.Bits() / elements.Length;
        PtxType part = each switch { 8 => PtxType.B8, 16 => PtxType.B16, _ => PtxType.B32 };
        Slot64 d = Result(o[0]), scratch = new(Take(256, 64), 8);
        ulong mask = (1ul << each) - 1;
        List<Op> steps = [];
        for (int k = 0; k < elements.Length; k++)
        {
            int shift = k * each;
            Slot64 e = Source(elements[k], part);
            steps.Add(new Map(scratch, scratch, e, e, k == 0 ? (_, x, _) => x & mask : (all, x, _) => all | (x & mask) << shift));
        }
        steps.Add(new Map(d, scratch, scratch, scratch, (x, _, _) => x));
        return new Sequence([.. steps]);
    }

    static Func<Warp, int, ulong> Special(NameOperand name)
    {
        string c = name.Component;
        if (OfCluster(name.Name, c) is { } cluster) return cluster;
        switch (name.Name)
        {
            case "%tid":
                return c switch
                {
                    "x" or "r" => (w, l) => (ulong)(((w.Index * 32) + l) % w.Cta.Launch.Block.X),
                    "y" or "g" => (w, l) => (ulong)(((w.Index * 32) + l) / w.Cta.Launch.Block.X % w.Cta.Launch.Block.Y),
                    "z" or "b" => (w, l) => (ulong)(((w.Index * 32) + l) / w.Cta.Launch.Block.X / w.Cta.Launch.Block.Y),
                    _ => (_, _) => 0,
                };
            case "%ntid": return (w, _) => (ulong)Part(w.Cta.Launch.Block, c);
            case "%nctaid": return (w, _) => (ulong)Part(w.Cta.Launch.Grid, c);
            case "%ctaid": return (w, _) => (ulong)(c is "w" or "a" ? 0 : Part((w.Cta.X, w.Cta.Y, w.Cta.Z), c));
            case "%laneid": return (_, l) => (ulong)l;
            case "%warpid": return (w, _) => (ulong)w.Index;
            case "%nwarpid": return (_, _) => 64;
            case "%smid": return (_, _) => 0;
            case "%nsmid": return (_, _) => 1;
            case "%lanemask_eq": return (_, l) => 1u << l;
            case "%lanemask_lt": return (_, l) => (1u << l) - 1;
            case "%lanemask_le": return (_, l) => (uint)((2ul << l) - 1);
            case "%lanemask_gt": return (_, l) => ~(uint)((2ul << l) - 1);
            case "%lanemask_ge": return (_, l) => ~((1u << l) - 1);
            case "%clock" or "%clock64" or "%globaltimer" or "%globaltimer_lo": return (_, _) => (ulong)System.Diagnostics.Stopwatch.GetTimestamp();
            case "%dynamic_smem_size": return (w, _) => (ulong)w.Cta.Launch.DynamicShared;
            case "%total_smem_size": return (w, _) => (ulong)w.Cta.SharedBytes;
            default: return (_, _) => 0;
        }
    }

    Op CvtAddress(Instruction i, Operand[] o)
    {
        Space space = SpaceOf(i);
        ulong window = space switch { Space.Shared or Space.Cluster => Emulator.Address.SharedWindow, Space.Local => Emulator.Address.LocalWindow, _ => 0 };
        Slot64 d = Result(o[0]);
        if (o[1] is NameOperand name && scope.Find(name.Name) is Variable { Space: not Space.Reg } v)
        {
            Slot64 scratch = new(Take(256, 64), 8);
            Op move = MoveAddress(v, name.Offset, scratch);
            return new Sequence([move, new Map(d, scratch, scratch, scratch, (x, _, _) => x | window)]);
        }
        Slot64 a = Source(o[1], PtxType.U64);
        return i.Has("to") ? new Map(d, a, a, a, (x, _, _) => x & ~window) : new Map(d, a, a, a, (x, _, _) => x | window);
    }

    Op Convert(Instruction i, PtxType[] types, Operand[] o)
    {
        string? mode = i.Modifiers.FirstOrDefault(m => m is "rn" or "rz" or "rm" or "rp" or "rni" or "rzi" or "rmi" or "rpi" or "rna");
        (PtxType to, PtxType from) = (types[0], types[1]);
        if (to is PtxType.F16x2 or PtxType.Bf16x2 && from == PtxType.F32)
        {
            var one = Converter.Make(PartOf(to), from, mode, false, false, i.Has("relu"));
            if (i.Has("satfinite")) one = Finite(PartOf(to), one);
            Slot64 a = Source(o[1], from), b = Source(o[2], from);
            return new Map(Result(o[0]), a, b, b, (x, y, _) => one(x) << 16 | one(y));
        }
        if (to == PtxType.Tf32)
        {
            Slot64 a = Source(o[1], from);
            return new Map(Result(o[0]), a, a, a, mode == "rna" ? (x, _, _) => (x + 0x1000) & 0xFFFF_E000 : (x, _, _)
                => Single.Bits((float)Rounding.To(Single.Of(x), 0, 11, -126, 127, Rounding.Parse(mode!))));
        }
        if (ConvertSmall(i, to, from, o) is Op bytes) return bytes;
        if (to.Kind() == TypeKind.Packed && to != PtxType.Bf16 || from.Kind() == TypeKind.Packed && from != PtxType.Bf16) throw Unsupported($"cvt of .{from.Name()} to .{to.Name()}");
        if (o[1] is NameOperand name && scope.Find(name.Name) == null && SpecialRegister.TryGet(name.Name, out _))
        {
            Func<Warp, int, ulong> special = Special(name);
            var widen = Converter.Make(to, from, mode, false, i.Has("sat"), false);
            return new ReadSpecial(Result(o[0]), (w, l) => widen(special(w, l)));
        }
        Slot64 source = Source(o[1], from);
        var f = Converter.Make(to, from, mode, i.Has("ftz"), i.Has("sat"), i.Has("relu"));
        if (i.Has("satfinite")) f = Finite(to, f);
        return new Map(Result(o[0]), source, source, source, (x, _, _) => f(x));
    }

    Op Selecting(PtxType t, Operand[] o)
    {
        (int p, bool negated) = Predicate(o[3]);
        return new Select(Result(o[0]), Source(o[1], t), Source(o[2], t), p, negated);
    }

    Op Voting(Instruction i, Operand[] o)
    {
        (int p, bool negated) = o[1] is ConstantOperand ? (-1, false) : Predicate(o[1]);
        return new Vote(i.Modifiers.First(m => m is "all" or "any" or "uni" or "ballot"), Result(o[0]).Offset, p, negated, o[1] is ConstantOperand c ? c.Value.Bits != 0 ? 1 : 0 : 0);
    }

    static Func<uint, uint, uint> Reduction(Instruction i, PtxType t)
    {
        bool signed = t.Kind() == TypeKind.Signed;
        return i.Modifiers.First(m => m is "add" or "min" or "max" or "and" or "or" or "xor") switch
        {
            "add" => (a, b) => a + b,
            "min" => signed ? (a, b) => (uint)Math.Min((int)a, (int)b) : Math.Min,
            "max" => signed ? (a, b) => (uint)Math.Max((int)a, (int)b) : Math.Max,
            "and" => (a, b) => a & b,
            "or" => (a, b) => a | b,
            _ => (a, b) => a ^ b,
        };
    }

    Op AtomicOp(Instruction i, PtxType t, Operand[] o)
    {
        if (i.Has("v2") || i.Has("v4") || i.Has("v8")) return AtomicsOf(i, t, o);
        if (t == PtxType.B128) throw Unsupported("this atomic operation");
        int at = i.Opcode == "atom" ? 1 : 0;
        Slot64 d = at == 1 && o[0] is not SinkOperand ? Result(o[0]) : default, b = Source(o[at + 1], t), c = i.Has("cas") ? Source(o[at + 2], t) : default;
        return new Atomic(Address(o[at], SpaceOf(i)), t.Bits() / 8, d, b, c, AtomicFormula(i, t), FlushedSum(i, t));
    }

    /// <summary>What becomes of memory's old value and the operands.</summary>
    Func<ulong, ulong, ulong, ulong> AtomicFormula(Instruction i, PtxType t) =>
        i.Modifiers.First(m => m is "add" or "min" or "max" or "and" or "or" or "xor" or "exch" or "cas" or "inc" or "dec") switch
        {
            "exch" => (_, x, _) => x,
            "cas" => (old, x, y) => old == x ? y : old,
            "and" => (old, x, _) => old & x,
            "or" => (old, x, _) => old | x,
            "xor" => (old, x, _) => old ^ x,
            "inc" => (old, x, _) => old >= x ? 0 : old + 1,
            "dec" => (old, x, _) => old == 0 || old > x ? x : old - 1,
            "add" when t.IsInteger() => (old, x, _) => unchecked(old + x),
            "min" when t.IsInteger() => (old, x, _) => Converter.Integer(t, x) < Converter.Integer(t, old) ? x : old,
            "max" when t.IsInteger() => (old, x, _) => Converter.Integer(t, x) > Converter.Integer(t, old) ? x : old,
            "add" when t == PtxType.F32 => (old, x, _) => Single.Bits(Single.Of(old) + Single.Of(x)),
            "add" when t == PtxType.F64 => (old, x, _) => BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(x)),
            "add" => Halves(t, (x, y) => x + y),
            "min" => Halves(t, double.MinNumber),
            "max" => Halves(t, double.MaxNumber),
            _ => throw Unsupported("this atomic operation"),
        };

    /// <summary>A sum of f32 in global memory flushes subnormal inputs and results, one in shared memory does not (PTX ISA, atom); null for everything else.</summary>
    static Func<ulong, ulong, ulong, ulong>? FlushedSum(Instruction i, PtxType t) => t == PtxType.F32 && i.Has("add") && SpaceOf(i) is Space.Global or Space.Generic
        ? (old, x, _) => Single.Bits(Single.Flush(Single.Flush(Single.Of(old)) + Single.Flush(Single.Of(x)))) : null;

    Op Copying(Instruction i, Operand[] o)
    {
        if (i.Has("bulk") && (i.Has("commit_group") || i.Has("wait_group") || i.Has("prefetch"))) return new Nothing();
        if (i.Has("commit_group")) return new AsyncGroup(commits: true, keep: -1);
        if (i.Has("wait_group")) return new AsyncGroup(commits: false, (int)((ConstantOperand)o[0]).Value.Bits);
        if (i.Has("wait_all")) return new AsyncGroup(commits: true, keep: 0);
        if (i.Has("mbarrier")) return new MbarrierArrive(Address(o[0], SpaceOf(i)), default, null, null, drops: false, completes: true, copies: true, counts: i.Has("noinc"));
        if (i.Has("bulk")) return Bulk(i, o);
        (int ignore, bool negated) = (-1, false);
        Slot64? size = null;
        if (o.Length == (i.Has("L2::cache_hint") ? 5 : 4))
        {
            if (o[3] is NotOperand || (o[3] is NameOperand name && scope.Find(name.Name) is Variable { Type: PtxType.Pred })) (ignore, negated) = Predicate(o[3]);
            else size = Source(o[3], PtxType.U32);
        }
        return new AsyncCopy(Address(o[0], Space.Shared), Address(o[1], Space.Global), (int)((ConstantOperand)o[2]).Value.Bits, size, ignore, negated);
    }

    internal static (int M, int N, int K) ShapeOf(Instruction i)
    {
        string name = i.Modifiers.First(m => m[0] == 'm' && m.Length > 4 && char.IsAsciiDigit(m[1]));
        string[] parts = name[1..].Split('n', 'k');
        return (int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture), int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture),
            int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture));
    }

    Op Wmma(Instruction i, PtxType[] types, Operand[] o)
    {
        (int m, int n, int k) = ShapeOf(i);
        if (i.Modifiers[0] is "load" or "store")
        {
            bool store = i.Modifiers[0] == "store";
            (int rows, int columns) = i.Modifiers[1] switch { "a" => (m, k), "b" => (k, n), _ => (m, n) };
            Operand memory = o[store ? 0 : 1], vector = o[store ? 1 : 0];
            return new MatrixMove(Address(memory, SpaceOf(i)), store, Vector(vector, PtxType.B32, result: !store), rows, columns, i.Has("row"), types[0],
                o.Length > 2 ? Source(o[2], PtxType.U32) : null);
        }
        bool half = types.Length == 2;
        MatrixShape shape = new(m, n, k, types[0], half ? PtxType.F16 : types[1], half ? PtxType.F16 : types[2], types[^1], Open: true);
        return Multiply(i, shape, o);
    }

    Op Mma(Instruction i, PtxType[] types, Operand[] o)
    {
        (int m, int n, int k) = ShapeOf(i);
        if (i.Has("sp")) throw Unsupported("mma with a sparse factor");
        if (k == 4 && types[1] is PtxType.F16 or PtxType.Bf16) throw Unsupported("mma of m8n8k4 and halves");
        if (i.Modifiers.Any(m => m.StartsWith("kind::", StringComparison.Ordinal)) || types[1]
            .Bits() < 8 && types[1] is not (PtxType.B1 or PtxType.U4 or PtxType.S4)) throw Unsupported("mma of 4 and 6-bit floats");
        return Multiply(i, new(m, n, k, types[0], types[1], types[2], types[3], Open: false), o);
    }

    MatrixMultiply Multiply(Instruction i, MatrixShape s, Operand[] o) =>
        new(s, Vector(o[0], s.D, result: true), Vector(o[1], s.A, result: false), Vector(o[2], s.B, result: false), Vector(o[3], s.C, result: false), i.Has("satfinite"), i.Has("xor"));
}

/// <summary>Several operations for one instruction.</summary>
sealed class Sequence(Op[] steps) : Op
{
    public override void Run(Warp w, uint mask)
    {
        foreach (Op step in steps) step.Run(w, mask);
    }
}
