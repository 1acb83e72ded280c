namespace Tessera.Emulator;

/// <summary>A register the hardware fills: its type, vector or not, and from when on.</summary>
readonly record struct SpecialRegister(PtxType Type, bool IsVector, Gate Gate)
{
    static readonly Dictionary<string, SpecialRegister> all = Build();

    public static bool TryGet(string name, out SpecialRegister register) => all.TryGetValue(name, out register);

    static Dictionary<string, SpecialRegister> Build()
    {
        Dictionary<string, SpecialRegister> map = new(StringComparer.Ordinal);
        void Add(string gate, PtxType type, bool vector, params string[] names)
        {
            foreach (string name in names) map.Add("%" + name, new(type, vector, Gate.Parse(gate)));
        }
        // The type U16 says: reads as 16 or 32 bits; B128: as 16, 32 or 64.
        Add("", PtxType.U16, true, "tid", "ntid", "ctaid", "nctaid");
        Add("", PtxType.B128, false, "gridid");
        Add("7.8,90", PtxType.U32, true, "clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid");
        Add("7.8,90", PtxType.U32, false, "cluster_ctarank", "cluster_nctarank");
        Add("7.8,90", PtxType.Pred, false, "is_explicit_cluster");
        Add("", PtxType.U32, false, "laneid", "warpid", "nwarpid", "smid", "nsmid", "lanemask_eq", "lanemask_le", "lanemask_lt", "lanemask_ge", "lanemask_gt", "clock");
        Add("5.0", PtxType.U32, false, "clock_hi");
        Add("", PtxType.U64, false, "clock64");
        Add("3.1,30", PtxType.U64, false, "globaltimer");
        Add("3.1,30", PtxType.U32, false, "globaltimer_lo", "globaltimer_hi");
        Add("4.1", PtxType.U32, false, "total_smem_size", "dynamic_smem_size");
        Add("8.1,90", PtxType.U32, false, "aggr_smem_size");
        Add("7.6,80", PtxType.U32, false, "reserved_smem_offset_begin", "reserved_smem_offset_end", "reserved_smem_offset_cap", "reserved_smem_offset_0", "reserved_smem_offset_1");
        Add("8.0,50", PtxType.U64, false, "current_graph_exec");
        for (int i = 0; i < 32; i++) Add("", PtxType.U32, false, $"envreg{i}");
        for (int i = 0; i < 8; i++) Add(i < 4 ? "" : "3.0", PtxType.U32, false, $"pm{i}");
        for (int i = 0; i < 8; i++) Add("4.0,50", PtxType.U64, false, $"pm{i}_64");
        return map;
    }

    /// <summary>A <c>mov</c> of this type may read it.</summary>
    public bool ReadsAs(PtxType type) => Type switch
    {
        PtxType.Pred => type == PtxType.Pred,
        _ when !(type.IsInteger() || type.Kind() == TypeKind.Bits) => false,
        PtxType.U16 => type.Bits() is 16 or 32,
        PtxType.B128 => type.Bits() is 16 or 32 or 64,
        _ => type.Bits() == Type.Bits(),
    };

    /// <summary>The bits a conversion sees.</summary>
    public int Bits => Type switch { PtxType.U16 => 32, PtxType.B128 => 64, _ => Type.Bits() };
}
