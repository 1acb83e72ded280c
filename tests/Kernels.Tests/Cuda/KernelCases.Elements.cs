using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>Maps, copies, casts and fills, of every type and layout.</content>
internal static partial class KernelCases
{
    static Dictionary<string, KernelCase> Elements() => new()
    {
        ["maps"] = new("unary_dense unary_strided binary_dense compare_f32 where_b32 round_bf16", b =>
        {
            View x = b.Normal(3, 7, 11, 5), y = b.Normal(3, 7, 11, 5), z = b.Empty([3, 7, 11, 5]), m = b.Empty([3, 7, 11, 5], DType.Bool);
            b.Gpu.Unary(new Ops.Exp(), x, z);
            b.Gpu.Unary(new Ops.Sin(), x.Permute(0, 2, 3, 1), b.Empty([3, 11, 5, 7]));
            b.Gpu.Binary(new Ops.Mul(), x, y, z);
            b.Gpu.Unary(new Ops.MulScalar(1e6f), x, y);
            b.Gpu.Unary(new Ops.Cos(), y, z);
            b.Gpu.Binary(new Ops.Fmod(), y, b.Of([1], [0.001f]).BroadcastTo([3, 7, 11, 5]), z);
            b.Gpu.Compare(new Ops.Less(), x, y, m);
            b.Gpu.Where(m, x, y, z);
            b.Gpu.Copy(x, b.Empty([3, 7, 11, 5], DType.BFloat16));
        }),
        ["elements of every type"] = new(
            "cast compare_f32 compare_f16 compare_bf16 compare_u8 compare_bool compare_s32 compare_s64 where_b8 where_b16 where_b32 where_b64 copy_b8 copy_b16 copy_b32 copy_b64 fill_b8 fill_b16 fill_b32 fill_b64", b =>
        {
            Shape s = [3, 5, 7];
            foreach (DType type in Enum.GetValues<DType>())
            {
                View x = b.Numbers(type, 3, 5, 7), y = b.Numbers(type, 3, 5, 7), m = b.Empty(s, DType.Bool);
                b.Gpu.Compare(new Ops.Less(), x, y, m);
                b.Gpu.Where(m, x, y, b.Empty(s, type));
                b.Gpu.Copy(x.Permute(2, 0, 1), b.Empty([7, 3, 5], type));
                b.Gpu.Fill(b.Empty(s, type).Slice(2, 1, 3), 1);
                foreach (DType to in Enum.GetValues<DType>()) b.Gpu.Copy(x.Permute(2, 0, 1), b.Empty([7, 3, 5], to));
            }
        }),
        ["rows of 16 bytes, tiles of copies"] = new("binary_rows binary_strided copy_rows copy_across_b32 copy_padded fill_rows", b =>
        {
            View x = b.Normal(2, 16, 40, 1), odd = b.Normal(2, 15, 4, 1);
            b.Gpu.Binary(new Ops.Add(), x, b.Normal(1, 16, 1, 1).BroadcastTo(x.Shape), b.Empty(x.Shape));
            b.Gpu.Binary(new Ops.Add(), odd, b.Normal(1, 15, 1, 1).BroadcastTo(odd.Shape), b.Empty(odd.Shape));
            b.Gpu.CopyPadded(odd, b.Empty([8, 16]), 15);
            foreach (DType type in Enum.GetValues<DType>())
            {
                View m = b.Numbers(type, 40, 72);
                b.Gpu.Copy(m.Slice(1, 16, 32), b.Empty([40, 32], type));
                b.Gpu.Copy(m.Permute(1, 0), b.Empty([72, 40], type));
                b.Gpu.Copy(m.Slice(0, 0, 35).Slice(1, 3, 69).Permute(1, 0), b.Empty([69, 35], type));
                b.Gpu.Fill(b.Empty([9, 48], type).Slice(1, 16, 32), 1);
            }
        }),
    };
}
