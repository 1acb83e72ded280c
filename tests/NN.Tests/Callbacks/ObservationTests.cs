using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Callbacks that only look, and schedules of phases.</summary>
[NonParallelizable]
public sealed class ObservationTests
{
    [Test]
    public void PhasesFollowOneAnother()
    {
        var learn = Toy.Learner();
        TrainingPhase[] phases =
        [
            new(4, 1e-4, 1e-2) { Anneal = Schedules.Exponential, Momentum = (0.95, 0.85) },
            new(3, new LearningRate(1e-3, 1e-2), new LearningRate(1e-4, 1e-3)),
        ];
        List<double> body = [];
        learn.Fit(2, callbacks: [new GeneralScheduler(phases), new Probe
        {
            Event = (e, s) =>
            {
                if (e is "backward_end") body.Add(s.Learner.Optimizer!.Groups[0].Lr);
            }
        }]);
        double[] head = [.. Enumerable.Range(0, 4).Select(k => 1e-4 * Math.Pow(100, k / 4.0)), .. Enumerable.Range(0, 3).Select(k => 1e-2 - (k / 3.0 * 9e-3))];
        Assert.That(learn.Recorder.Lrs, Is.EqualTo(head).Within(1e-12), "seven batches, then it ends");
        Assert.That(body[4..], Is.EqualTo(head[4..].Select(l => l / 10)).Within(1e-12));
        Assert.That(learn.Recorder.Momenta.Take(4), Is.EqualTo(Enumerable.Range(0, 4).Select(k => 0.95 * Math.Pow(0.85 / 0.95, k / 4.0))).Within(1e-12));
        Assert.That(learn.Optimizer!.Groups[^1].Lr, Is.EqualTo(1e-3).Within(1e-12));
        Assert.That(() => new GeneralScheduler(), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0 phases"));
    }

    [Test]
    public void ActivationsAreMeasuredLayerByLayer()
    {
        var learn = Toy.Learner();
        var stats = new ActivationStats();
        float[] x = [];
        learn.Fit(1, callbacks: [stats, new Probe
        {
            Event = (e, s) =>
            {
                if (e is "batch_begin" && s.IsTraining && s.Batch == 0) x = s.X.ToArray<float>();
            }
        }]);
        Assert.That(stats.Layers.Select(l => l.GetType().Name), Is.EqualTo(new[] { "Linear", "BatchNorm1d", "Relu", "Linear" }));
        Assert.That(stats.Means.Select(m => m.Count), Is.All.EqualTo(6));

        var twin = Toy.Model();
        List<float[]> outputs = [];
        using (Module.Watch((m, _, y) =>
        {
            if (m is not Sequential) outputs.Add(y.ToArray<float>());
        })) twin.Call(Tensor.From(x, [8, Toy.Features]));
        for (int i = 0; i < 4; i++)
        {
            double mean = outputs[i].Average();
            Assert.That(stats.Means[i][0], Is.EqualTo(mean).Within(1e-5));
            Assert.That(stats.Deviations[i][0], Is.EqualTo(Math.Sqrt(outputs[i].Average(y => (y - mean) * (y - mean)))).Within(1e-5));
        }
    }

    [Test]
    public void ThePeakOfMemoryIsAColumn()
    {
        var learn = new Learner(Toy.Data(), Toy.Model(), new CrossEntropyLoss(), new PeakMemory()) { Display = null };
        long peak = 0;
        learn.Fit(1, callbacks: [new Probe
        {
            Event = (e, _) =>
            {
                if (e is "epoch_end") peak = Device.Cpu.Memory.Peak;
            }
        }]);
        Assert.That(TableCallback.Columns(learn), Has.Member("peak_mem"));
        Assert.That(learn.Recorder.MetricValues[0]![0], Is.EqualTo(peak / 1048576.0).And.GreaterThan(0));
    }

    [Test]
    public void TensorBoardReadsTheEvents()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner();
        var board = new TensorBoard(folder.File("runs/a"));
        learn.FitOneCycle(2, callbacks: [board]);
        Assert.That(Path.GetFileName(board.Path), Does.Match(@"^events\.out\.tfevents\.\d{10}\.tessera\."));
        var scalars = Scalars(File.ReadAllBytes(board.Path!));
        Assert.That(scalars.Where(s => s.Tag == "train_loss").Select(s => s.Value), Is.EqualTo(learn.Recorder.Losses.Select(l => (float)l)));
        Assert.That(scalars.Where(s => s.Tag == "lr").Select(s => (s.Step, s.Value)), Is.EqualTo(learn.Recorder.Lrs.Select((l, i) => (i + 1L, (float)l))));
        Assert.That(scalars.Where(s => s.Tag == "valid_loss").Select(s => (s.Step, s.Value)), Is.EqualTo(learn.Recorder.ValidLosses.Select((l, i) => (6L * (i + 1), (float)l!.Value))));
        Assert.That(scalars.Where(s => s.Tag == "error_rate").Select(s => s.Value), Is.EqualTo(learn.Recorder.MetricValues.Select(m => (float)m![0])));
        uint crc = BitOperations.RotateLeft(TensorBoard.Masked("123456789"u8) - 0xa282ead8, 15);
        Assert.That(crc, Is.EqualTo(0xE3069283), "the check value of CRC-32C");
    }

    /// <summary>All scalars of an event file, read by its description; the first record is the version.</summary>
    static List<(string Tag, long Step, float Value)> Scalars(ReadOnlyMemory<byte> file)
    {
        List<(string, long, float)> scalars = [];
        bool first = true;
        while (file.Length > 0)
        {
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file.Span);
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file.Span[8..]), Is.EqualTo(TensorBoard.Masked(file.Span[..8])));
            var body = file.Slice(12, length);
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file.Span[(12 + length)..]), Is.EqualTo(TensorBoard.Masked(body.Span)));
            file = file[(16 + length)..];
            var fields = Fields(body.ToArray());
            if (first) Assert.That(Encoding.UTF8.GetString(fields.Single(f => f.Field == 3).Bytes), Is.EqualTo("brain.Event:2"));
            first = false;
            long step = fields.Single(f => f.Field == 2).Number;
            foreach (var summary in fields.Where(f => f.Field == 5))
                foreach (var value in Fields(summary.Bytes).Select(v => Fields(v.Bytes)))
                    scalars.Add((Encoding.UTF8.GetString(value.Single(f => f.Field == 1).Bytes), step, BitConverter.Int32BitsToSingle((int)value.Single(f => f.Field == 2).Number)));
        }
        return scalars;
    }

    static List<(int Field, long Number, byte[] Bytes)> Fields(byte[] message)
    {
        List<(int, long, byte[])> fields = [];
        var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag and not 0)
        {
            (long number, byte[] bytes) = WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.Varint => (input.ReadInt64(), Array.Empty<byte>()),
                WireFormat.WireType.Fixed64 => ((long)input.ReadFixed64(), []),
                WireFormat.WireType.Fixed32 => (input.ReadFixed32(), []),
                _ => (0, input.ReadBytes().ToByteArray()),
            };
            fields.Add((WireFormat.GetTagFieldNumber(tag), number, bytes));
        }
        return fields;
    }
}
