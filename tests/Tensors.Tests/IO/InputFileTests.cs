using Tessera.Testing;

namespace Tessera.Tests.IO;

/// <summary>What is said of a file that cannot be opened: the file, why, and what to do.</summary>
public sealed class InputFileTests
{
    static readonly (string Kind, Action<string> Read)[] readers =
    [
        (".safetensors", path => Safetensors.Read(path)), (".safetensors", path => Safetensors.ReadHeader(path)), (".pth", path => PyTorchFile.Load(path)),
        (".npy", path => Npy.Read(path)), (".npz", path => Npy.ReadArchive(path)),
    ];

    static void Refused(Action<string> read, string path, string message) =>
        Assert.That(() => read(path), Throws.TypeOf<DataException>().With.Message.StartsWith($"{path}: cannot be read: ").And.Message.Contains(message).And.Message.EndsWith("."));

    [Test]
    public void AFileOfNearlyThatNameIsNamed([Range(0, 4)] int reader)
    {
        var (kind, read) = readers[reader];
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("resnet34" + kind), "");
        File.WriteAllText(folder.File("other" + kind), "");
        Refused(read, folder.File("Resnet43" + kind), $"there is no such file. Hint: did you mean resnet34{kind}");
        Refused(read, folder.File("resnet34"), $"Hint: did you mean resnet34{kind}");
    }

    [Test]
    public void OthersOfTheFolderAreNamedElseHowToMakeOne([Range(0, 4)] int reader)
    {
        var (kind, read) = readers[reader];
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("notes.md"), "");
        Refused(read, folder.File("weights" + kind), " write"); // such files, or one
        foreach (string name in (string[])["a", "b", "c", "d", "e"]) File.WriteAllText(folder.File(name + kind), "");
        Refused(read, folder.File("quite-another" + kind), $"Hint: the folder holds a{kind}, b{kind}, c{kind} and 2 more");
        Refused(read, folder.Path, $"it is a folder. Hint: name a file in it, such as {folder.File("a" + kind)}");
        Refused(read, folder.File("deep/er/weights" + kind), $"there is no folder {folder.File("deep/er")}. Hint: check the path: {folder.Path} is there");
        Refused(read, "", "that is no path");
    }

    [Test]
    public void WhatTheSystemRefusesIsSaid()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Ignore("this user may read everything");
            return;
        }
        using var folder = new TemporaryFolder();
        string path = folder.File("w.safetensors");
        File.WriteAllText(path, "");
        File.SetUnixFileMode(path, UnixFileMode.None);
        Refused(p => Safetensors.Read(p), path, "Hint: check the rights");
    }
}
