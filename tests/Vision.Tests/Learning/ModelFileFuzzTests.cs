using System.Diagnostics;
using System.Globalization;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>Damaged model files give a model or a DataException: no other exception, no hang, no memory beyond 4 times the file and 256 MB. TESSERA_FUZZ is how many to try.</summary>
public sealed class ModelFileFuzzTests
{
    static int Count => int.TryParse(Environment.GetEnvironmentVariable("TESSERA_FUZZ"), CultureInfo.InvariantCulture, out int n) ? n : 2000;

    static byte[] Small(TemporaryFolder folder)
    {
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] }, Metrics.ErrorRate);
        learn.Export(folder.File("whole.safetensors"));
        return File.ReadAllBytes(folder.File("whole.safetensors"));
    }

    [Test, CancelAfter(3_600_000)]
    public void BytesChangedCutAndDoubled()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = Small(folder);
        string path = folder.File("m.safetensors");
        int header = 8 + (int)BitConverter.ToInt64(whole);
        Try(Count / 4, i =>
        {
            var random = new Random(i);
            File.WriteAllBytes(path, Mutate(whole, random, i % 2 == 0 ? header : whole.Length));
            return path;
        }, whole.Length, mustRefuse: true);
    }

    /// <summary>The checksum is right, the description is not: what a hostile file looks like.</summary>
    [Test, CancelAfter(3_600_000)]
    public void DescriptionsChangedUnderARightChecksum()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = Small(folder);
        var file = Safetensors.Read(folder.File("whole.safetensors"));
        byte[] description = System.Text.Encoding.ASCII.GetBytes(file.Metadata["model"]);
        string path = folder.File("m.safetensors");
        Try(Count / 4, i =>
        {
            var metadata = file.Metadata.ToDictionary(StringComparer.Ordinal);
            metadata["model"] = System.Text.Encoding.ASCII.GetString(Mutate(description, new Random(i), description.Length, "0123456789\",:[]{}-.eE"u8.ToArray()));
            Safetensors.Write(path, file.Tensors, metadata);
            return path;
        }, whole.Length, mustRefuse: false);
    }

    static void Try(int count, Func<int, string> write, long bytes, bool mustRefuse)
    {
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            string path = write(i);
            Device.Cpu.Memory.ResetPeak();
            long live = Device.Cpu.Memory.Live, managed = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            try
            {
                using var scope = Scope.Begin();
                ImageClassifier.Load(path);
            }
            catch (DataException e)
            {
                refused++;
                Assert.That(e.Message, Does.StartWith(path), $"mutation {i}");
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e}");
            }
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - managed + Device.Cpu.Memory.Peak - live, Is.LessThan((4 * bytes) + (256 << 20)), $"memory of mutation {i}");
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(20)), $"time of mutation {i}");
        }
        Assert.That(refused, mustRefuse ? Is.EqualTo(count) : Is.GreaterThan(count / 3));
    }

    static byte[] Mutate(byte[] whole, Random random, int within, byte[]? alphabet = null)
    {
        int at = random.Next(within), length = random.Next(1, 40);
        byte Other() => alphabet is null ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
        switch (random.Next(6))
        {
            case 0: return [.. whole[..at], .. whole[Math.Min(whole.Length, at + length)..]];
            case 1: return [.. whole[..at], .. whole[at..Math.Min(whole.Length, at + length)], .. whole[at..]];
            case 2 when alphabet is null: return whole[..at];
            default:
                byte[] bytes = [.. whole];
                for (int n = random.Next(1, 4); n > 0; n--)
                {
                    int k = random.Next(within);
                    byte other = Other();
                    bytes[k] = other != bytes[k] ? other : (byte)(bytes[k] ^ 1);
                }
                return bytes;
        }
    }
}
