using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>
/// Writes loss, rates, momentum, validation loss and metrics as an event file that TensorBoard reads: <c>tensorboard --logdir FOLDER</c>.
/// The scalars are <c>train_loss</c> (smoothed), <c>lr</c> and <c>momentum</c> of each training batch, and the table's columns of each epoch.
/// </summary>
/// <param name="folder">The folder of this run; each fit call adds a file.</param>
public sealed class TensorBoard(string folder = "logs") : Callback
{
    readonly string named = folder;
    string folder = folder;
    FileStream? file;
    int steps;

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <summary>The folder is one in <see cref="Learner.ModelFolder"/>; of a callback from a model file.</summary>
    internal bool InModelFolder { get; init; }

    internal override CallbackSettings? Settings => new(nameof(TensorBoard), []) { Name = System.IO.Path.GetFileName(named.TrimEnd('/', '\\')) };

    /// <summary>The file of the latest fit call; null before.</summary>
    public string? Path { get; private set; }

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        Close();
        if (InModelFolder) folder = System.IO.Path.Combine(s.Learner.ModelFolder, named);
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Path = System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{now / 1000}.tessera.{Environment.ProcessId}.{now % 1000}"));
        Writing(() =>
        {
            Directory.CreateDirectory(folder);
            file = new FileStream(Path, FileMode.Create, FileAccess.Write, FileShare.Read);
            Record(file, Event(0, e => Text(e, 3, "brain.Event:2")));
            file.Flush();
        });
    }

    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining) return;
        var recorder = s.Learner.Recorder;
        Scalars(s.Iteration, ("train_loss", s.SmoothedLoss), ("lr", recorder.Lrs[^1]), ("momentum", recorder.Momenta[^1]));
        steps = s.Iteration;
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        var metrics = s.Learner.Metrics.Select(m => m.Name).Zip(s.MetricValues ?? []);
        Scalars(steps, [.. s.ValidLoss is { } loss ? [("valid_loss", loss)] : Array.Empty<(string, double)>(), .. metrics]);
        Writing(() => file!.Flush());
    }

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error) => Close();

    void Scalars(long step, params (string Tag, double Value)[] scalars)
    {
        if (scalars.Length == 0) return;
        byte[] bytes = Event(step, e => Nested(e, 5, summary =>
        {
            foreach (var (tag, value) in scalars)
            {
                Nested(summary, 1, v =>
                {
                    Text(v, 1, tag);
                    v.WriteTag(2, WireFormat.WireType.Fixed32);
                    v.WriteFloat((float)value);
                });
            }
        }));
        Writing(() => Record(file!, bytes));
    }

    /// <summary>
    /// message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }, Summary { Value { string tag
    /// = 1; float simple_value = 2; } value = 1; }
    /// </summary>
    static byte[] Event(long step, Action<CodedOutputStream> what) => Message(e =>
    {
        e.WriteTag(1, WireFormat.WireType.Fixed64);
        e.WriteDouble(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
        e.WriteTag(2, WireFormat.WireType.Varint);
        e.WriteInt64(step);
        what(e);
    });

    static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true)) write(output);
        return bytes.ToArray();
    }

    static void Nested(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    static void Text(CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
    }

    /// <summary>A TFRecord: length, its checksum, the bytes, their checksum.</summary>
    static void Record(Stream stream, byte[] bytes)
    {
        Span<byte> head = stackalloc byte[12], tail = stackalloc byte[4];
        BinaryPrimitives.WriteInt64LittleEndian(head, bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Masked(head[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(tail, Masked(bytes));
        stream.Write(head);
        stream.Write(bytes);
        stream.Write(tail);
    }

    /// <summary>CRC-32C, turned right by 15 bits, plus a constant: checksums of bytes that hold checksums.</summary>
    internal static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes) crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    void Close()
    {
        file?.Dispose();
        file = null;
    }

    void Writing(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new TesseraException($"TensorBoard: {Path} could not be written: {e.Message.TrimEnd('.')}. Hint: check free disk space and permissions.", e);
        }
    }
}
