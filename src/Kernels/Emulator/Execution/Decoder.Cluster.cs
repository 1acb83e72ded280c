namespace Tessera.Emulator;

/// <summary>Clusters of blocks: their barrier, and addresses of each other's shared memory.</summary>
sealed partial class Decoder
{
    ClusterBarrierOp ClusterBarriers(Instruction i) => new(i.Has("wait"), !i.Has("relaxed"), i.Has("aligned"), NextBlock);

    /// <summary>mapa and getctarank, of an address of shared memory or, without the space, a generic one.</summary>
    Op ClusterAddresses(Instruction i, PtxType t, Operand[] o)
    {
        ulong window = i.Has("shared::cluster") ? 0 : Emulator.Address.SharedWindow;
        Slot64 from;
        Op[] first = [];
        if (o[1] is NameOperand name && scope.Find(name.Name) is Variable { Space: not Space.Reg } v)
        {
            from = new(Take(256, 64), 8);
            first = [MoveAddress(v, name.Offset, from)];
        }
        else from = Source(o[1], t);
        Op op = i.Opcode == "mapa" ? new MapToBlock(Result(o[0]), from, Source(o[2], PtxType.U32), window) : new RankOfAddress(Result(o[0]), from);
        return first.Length == 0 ? op : new Sequence([.. first, op]);
    }

    /// <summary><c>st.async</c> and <c>red.async</c>.</summary>
    AnnouncedStore Announced(Instruction i, PtxType t, Operand[] o) =>
        new(Address(o[0], Space.Cluster), t.Bits() / 8, Vector(o[1], t, result: false), i.Opcode == "red" ? AtomicFormula(i, t) : null, Address(o[2], Space.Cluster));

    /// <summary>What the special registers of clusters hold.</summary>
    static Func<Warp, int, ulong>? OfCluster(string name, string component)
    {
        Func<Warp, int, ulong> One(Func<Launch, (int, int, int)> size) => (w, _) => (ulong)Part(size(w.Cta.Launch), component);
        Func<Warp, int, ulong> Each(Func<int, int, int> f) => (w, _) =>
        {
            (int X, int Y, int Z) size = w.Cta.Launch.Cluster;
            return component is "w" or "a" ? 0 : (ulong)Part((f(w.Cta.X, size.X), f(w.Cta.Y, size.Y), f(w.Cta.Z, size.Z)), component);
        };
        return name switch
        {
            "%cluster_ctaid" => Each((at, size) => at % size),
            "%clusterid" => Each((at, size) => at / size),
            "%cluster_nctaid" => One(l => l.Cluster),
            "%nclusterid" => One(l => l.Clusters),
            "%cluster_ctarank" => (w, _) => (ulong)w.Cta.Rank,
            "%cluster_nctarank" => (w, _) => (ulong)w.Cta.Cluster.Size,
            _ => null,
        };
    }

    static int Part((int X, int Y, int Z) size, string component) => component switch { "x" or "r" => size.X, "y" or "g" => size.Y, "z" or "b" => size.Z, _ => 1 };
}
