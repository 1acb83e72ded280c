namespace Tessera.Emulator;

/// <summary>mbarrier objects and the bulk copies that tell them of their bytes.</summary>
sealed partial class Decoder
{
    Op Mbarriers(Instruction i, Operand[] o)
    {
        if (i.Has("pending_count"))
        {
            Slot64 state = Source(o[1], PtxType.B64);
            return new Map(Result(o[0]), state, state, state, (x, _, _) => (ulong)Mbarrier.Of(x).Pending);
        }
        if (i.Has("init") || i.Has("inval")) return new MbarrierSet(Address(o[0], SpaceOf(i)), i.Has("init") ? Source(o[1], PtxType.U32) : null);
        if (i.Has("arrive") || i.Has("arrive_drop"))
        {
            Slot64 state = o[0] is SinkOperand ? default : Result(o[0]);
            Slot64? number = o.Length > 2 ? Source(o[2], PtxType.U32) : null;
            bool bytes = i.Has("expect_tx");
            return new MbarrierArrive(Address(o[1], SpaceOf(i)), state, bytes ? null : number, bytes ? number : null, i.Has("arrive_drop"), !i.Has("noComplete"), copies: false, counts: true);
        }
        if (i.Has("expect_tx") || i.Has("complete_tx")) return new MbarrierBytes(Address(o[0], SpaceOf(i)), Source(o[1], PtxType.U32), i.Has("complete_tx"));
        bool parity = i.Has("parity");
        return new MbarrierWait(Address(o[1], SpaceOf(i)), Result(o[0]).Offset, Source(o[2], parity ? PtxType.U32 : PtxType.B64), parity);
    }

    /// <summary>A bulk copy between global and shared memory, or inside the shared memory of a cluster.</summary>
    BulkCopy Bulk(Instruction i, Operand[] o)
    {
        if (i.Has("tensor")) throw Unsupported("bulk copies of tensors");
        static Space Of(string name) => name switch { "global" => Space.Global, "shared::cluster" => Space.Cluster, _ => Space.Shared };
        string[] spaces = [.. i.Modifiers.Where(m => m is "global" or "shared::cta" or "shared::cluster")];
        bool tells = i.Has("mbarrier::complete_tx::bytes");
        return new(Address(o[0], Of(spaces[0])), Address(o[1], Of(spaces[1])), Source(o[2], PtxType.U32), tells ? Address(o[3], Of(spaces[0])) : null,
            i.Has("multicast::cluster") ? Source(o[4], PtxType.B16) : null, i.Has("reduce") ? Reducing(i) : null);
    }

    /// <summary>What <c>cp.reduce</c> does to each element of memory, and an element's bytes.</summary>
    (Func<ulong, ulong, ulong, ulong> Formula, int Bytes) Reducing(Instruction i)
    {
        PtxType t = TypesOf(i)[0];
        return (AtomicFormula(i, t), t.Bits() / 8);
    }
}
