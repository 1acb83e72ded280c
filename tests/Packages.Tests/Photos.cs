using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A few photos of the repository, laid out as a user lays out his own.</summary>
static class Photos
{
    /// <summary>A pretrained network of which one epoch takes moments.</summary>
    public static string Network => TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    /// <summary>Twelve photos of each of two breeds, <c>photos/BREED/</c>, and one beside them: <c>photo.jpg</c>.</summary>
    public static void Copy(string target)
    {
        foreach (string breed in (string[])["Abyssinian", "pomeranian"])
        {
            string folder = Directory.CreateDirectory(Path.Combine(target, "photos", breed)).FullName;
            foreach (string photo in Directory.EnumerateFiles(TestData.Asset("pets/images"), $"{breed}_*.jpg").Order(StringComparer.Ordinal).Take(12))
                File.Copy(photo, Path.Combine(folder, Path.GetFileName(photo)));
        }
        File.Copy(Directory.EnumerateFiles(Path.Combine(target, "photos", "pomeranian")).First(), Path.Combine(target, "photo.jpg"));
    }
}
