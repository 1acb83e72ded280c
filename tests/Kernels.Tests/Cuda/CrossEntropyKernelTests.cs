using System.Collections.Concurrent;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Cross-entropy on the device: one kernel a pass, the CPU's numbers kept, and no class followed that is outside. Values are in <see cref="NetworkOpsTests"/>.</summary>
public sealed class CrossEntropyKernelTests
{
    [Test]
    public void OneKernelAPass([Values(0f, 0.1f)] float smoothing)
    {
        ConcurrentQueue<string> launched = new();
        using var backend = new CudaBackend(new EmulatedCudaDriver { Checks = PtxChecks.SharedRaces, Reported = (entry, _) => launched.Enqueue(entry) });
        using var b = new Bench(new Device("counted", backend));
        View x = b.Normal(6, 37), kept = b.Empty([2, 6]), v = b.Positive(37);
        var target = new ClassTargets(b.Indices(37, 6, 1), b.Of([6, 1], [true, true, true, true, true, true], DType.Bool), b.Of([6, 1], [1f, 1, 1, 1, 1, 1]), v, smoothing);
        backend.CrossEntropy(x, target, b.Empty([6, 1]), kept);
        backend.CrossEntropyBackward(x, target, kept, b.Normal(6, 1), b.Empty([6, 37]));
        backend.Synchronize();
        Assert.That(launched, Is.EqualTo(new[] { "cross_entropy", "cross_entropy_backward" }));
    }

    [Test]
    public void WhatIsKeptIsWhatTheCpuKeeps([Values("5 3", "3 1003", "2 7 5", "2 4 3 2")] string shape)
    {
        Shape s = new([.. shape.Split(' ').Select(int.Parse)]), one = s.With(1, 1);
        int n = (int)one.Count;
        View x = Views.Of(s, Normal(s.Count, 1)), ours = Views.Empty<float>([2, n]), expected = Views.Empty<float>([2, n]);
        var target = new ClassTargets(Views.Of(one, new long[n]), Views.Of(one, Enumerable.Repeat(true, n).ToArray()), Views.Of(one, Enumerable.Repeat(1f, n).ToArray()));
        Device.Emulator.Backend.CrossEntropy(x, target, Views.Empty<float>(one), ours);
        Device.Cpu.Backend.CrossEntropy(x, target, Views.Empty<float>(one), expected);
        float[] a = Views.Get<float>(ours), e = Views.Get<float>(expected);
        Assert.That(a[..n], Is.EqualTo(e[..n]), "the largest logit");
        for (int i = n; i < 2 * n; i++) Assert.That(a[i], Is.EqualTo(e[i]).Within(2e-6 * e[i]), "the sum");
    }

    [Test]
    public void AClassOutsideIsNotFollowed([Values(-1L, 5L, long.MaxValue)] long outside)
    {
        View x = Views.Of([2, 5], Normal(10, 1)), loss = Views.Empty<float>([2, 1]), kept = Views.Empty<float>([2, 2]), gx = Views.Empty<float>([2, 5]);
        var target = new ClassTargets(Views.Of([2, 1], [outside, 4L]), Views.Of([2, 1], [true, true]), Views.Of([2, 1], [1f, 1]));
        var k = Device.Emulator.Backend;
        k.CrossEntropy(x, target, loss, kept);
        k.CrossEntropyBackward(x, target, kept, Views.Of([2, 1], [1f, 1]), gx);
        Assert.That(Views.Get<float>(loss)[0], Is.NaN);
        Assert.That(Views.Get<float>(loss)[1], Is.Not.NaN);
        Assert.That(Views.Get<float>(gx)[5..].Sum(), Is.EqualTo(0).Within(1e-6));
    }
}
