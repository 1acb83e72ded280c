using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Products, convolutions and the other network operations on memory that ends at an unmapped page, and that is not aligned: same bits as elsewhere.</summary>
[Platform("Linux")]
public sealed class GuardedNetworkTests
{
    static readonly Backend cpu = Device.Cpu.Backend;

    /// <summary>Runs an operation on guarded and on ordinary memory; the last view is the result.</summary>
    static void Same(Shape[] shapes, Action<View[]> run)
    {
        using var memory = new GuardedMemory();
        View[] guarded = [.. shapes.Select((s, i) => memory.Of(s, Normal(s.Count, (ulong)i)))];
        View[] ordinary = [.. shapes.Select((s, i) => Views.Of(s, Normal(s.Count, (ulong)i)))];
        run(guarded);
        run(ordinary);
        for (int i = 0; i < shapes.Length; i++) Assert.That(Views.Get<float>(guarded[i]), Is.EqualTo(Views.Get<float>(ordinary[i])), $"operand {i} of {string.Join(" ", shapes)}");
    }

    [TestCase(1, 1, 1)]
    [TestCase(15, 33, 17)]
    [TestCase(7, 130, 64)]
    [TestCase(64, 16, 2500)]
    [TestCase(33, 31, 520)]
    public void Products(int M, int N, int K)
    {
        Same([[M, K], [K, N], [M, N]], v => cpu.Gemm(v[0], v[1], v[2]));
        Same([[K, M], [N, K], [M, N]], v => cpu.Gemm(v[0].Permute(1, 0), v[1].Permute(1, 0), v[2], 2, 1));
        Same([[K, M], [K, N], [N, M]], v => cpu.Gemm(v[0].Permute(1, 0), v[1], v[2].Permute(1, 0)));
    }

    static readonly object[] windows =
    [
        new object[] { 3, 8, new Window2d(7, 7, 2, 2, 3, 3, 3, 3) }, new object[] { 33, 5, new Window2d(3, 3, 1, 1, 1, 1, 1, 1) }, new object[] { 16, 20, new Window2d(3, 3, 1, 1, 1, 1, 1, 1) },
        new object[] { 8, 12, new Window2d(1, 1, 2, 2) }, new object[] { 8, 12, new Window2d(1, 1) }, new object[] { 6, 9, new Window2d(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 3) },
    ];

    [TestCaseSource(nameof(windows))]
    public void Convolutions(int C, int K, Window2d p)
    {
        Shape x = [3, C, 13, 11], w = [K, C / p.Groups, p.R, p.S], y = [3, K, p.OutH(13), p.OutW(11)];
        Same([x, w, [K], y], v => cpu.Conv2d(v[0], v[1], v[3], p, new Epilogue(v[2])));
        Same([y, w, x], v => cpu.Conv2dBackwardData(v[0], v[1], v[2], p));
        Same([y, x, w], v => cpu.Conv2dBackwardWeight(v[0], v[1], v[2], p));
    }

    [TestCase(1)]
    [TestCase(3)]
    [TestCase(17)]
    [TestCase(40)]
    public void NormsPoolsSoftmaxAndSteps(int C)
    {
        Shape x = [2, C, 6, 5];
        var p = new Window2d(3, 3, 2, 2, 1, 1, 1, 1);
        Shape y = [2, C, 3, 3];
        Same([x, [2, C], [C], [C], x, x], v =>
        {
            cpu.Moments(v[0], v[1], 1);
            cpu.BatchNorm(v[0], Norm(v[1]) with { W = v[2], B = v[3] }, v[4], true, v[5]);
        });
        Same([x, x, x, [2, C], [C], x, x, [C], [C]], v =>
        {
            cpu.Moments(v[1], v[3], 1);
            cpu.BatchNormBackward(v[0], v[1], v[2], Norm(v[3]) with { W = v[4] }, true, false, v[5], v[6], v[7], v[8]);
            cpu.BatchNormBackward(v[0], v[1], null, Norm(v[3]) with { W = v[4] }, true, true, v[5], v[6], v[7], v[8]);
        });
        Same([x, y, x], v =>
        {
            using var memory = new GuardedMemory();
            View indices = memory.Empty<int>(y);
            cpu.MaxPool2d(v[0], v[1], indices, p);
            cpu.MaxPool2dBackward(v[1], indices, v[2], p);
        });
        Same([x, y, x], v =>
        {
            cpu.AvgPool2d(v[0], v[1], p, countPadding: true);
            cpu.AvgPool2dBackward(v[1], v[2], p, countPadding: false);
        });
        Same([[7, C], [7, C]], v => cpu.Softmax(v[0], v[1], 1, log: true));
        Same([[7, C], [2, 7], [7, 1], [7, 1], [7, C]], v =>
        {
            var target = new ClassTargets(Views.Of([7, 1], new long[7]), Views.Of([7, 1], [.. Enumerable.Repeat(true, 7)]), v[2], Smoothing: 0.1f);
            cpu.CrossEntropy(v[0], target, v[3], v[1]);
            cpu.CrossEntropyBackward(v[0], target, v[1], v[3], v[4]);
        });
        Same([x, x, x, x], v => cpu.AdamStep(v[0], v[1], v[2], v[3], new StepOptions(0.1f, 0.9f, 0.99f, 1e-5f)));
        Same([x, x, x, x, x], v => cpu.RmsPropStep(v[0], v[1], v[2], v[3], v[4], new StepOptions(0.1f, 0.9f, 0.99f, 1e-5f)));
        Same([x, x, x], v => cpu.SgdStep(v[0], v[1], v[2], new StepOptions(0.1f, 0.9f)));
    }

    static ChannelNorm Norm(View moments) => new(moments.Slice(0, 0, 1).Reshape([moments.Shape[1]]), moments.Slice(0, 1, 1).Reshape([moments.Shape[1]]), 1e-5f);
}
