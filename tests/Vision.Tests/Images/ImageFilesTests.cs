using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ImageFilesTests
{
    private string root = "";

    [OneTimeSetUp]
    public void MakeFolder()
    {
        root = Directory.CreateTempSubdirectory("tessera-files").FullName;
        string[] files =
        [
            "b.jpg", "a.JPG", "B.png", "notes.txt", ".hidden.jpg", "noending", "z.gif",
            "cats/c1.jpeg", "cats/deep/c2.webp", "dogs/d1.png", ".cache/x.jpg", "cats/.git/y.jpg", "cats/dogs/d2.png",
        ];
        foreach (var file in files)
        {
            var path = Path.Combine(root, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, []);
        }
    }

    [OneTimeTearDown]
    public void DropFolder() => Directory.Delete(root, recursive: true);

    [Test]
    public void OneFolderSortedOrdinally() => Assert.That(Names(ImageFiles.In(root)), Is.EqualTo(new[] { "B.png", "a.JPG", "b.jpg", "z.gif" }));

    [Test]
    public void RecursionSkipsHiddenFolders() => Assert.That(Names(ImageFiles.In(root, recurse: true)), Is.EqualTo(new[]
    {
        "B.png", "a.JPG", "b.jpg", "cats/c1.jpeg", "cats/deep/c2.webp", "cats/dogs/d2.png", "dogs/d1.png", "z.gif",
    }));

    [Test]
    public void IncludeAndExcludeLookAtTopFoldersOnly()
    {
        Assert.That(Names(ImageFiles.In(root, recurse: true, include: ["cats"])), Does.Contain("cats/dogs/d2.png").And.Not.Contain("dogs/d1.png"));
        Assert.That(Names(ImageFiles.In(root, recurse: true, exclude: ["dogs"])), Does.Contain("cats/dogs/d2.png").And.Not.Contain("dogs/d1.png"));
        Assert.That(Names(ImageFiles.In(root + "/", recurse: true, exclude: ["dogs"])), Does.Not.Contain("dogs/d1.png"));
    }

    [Test]
    public void AllFilesWithoutTheCheckOfEndings() => Assert.That(Names(ImageFiles.In(root, checkExtension: false)), Is.EqualTo(new[] { "B.png", "a.JPG", "b.jpg", "noending", "notes.txt", "z.gif" }));

    [Test]
    public void MissingFolder() =>
        Assert.That(() => ImageFiles.In(Path.Combine(root, "absent")), Throws.TypeOf<DataException>().With.Message.StartsWith(Path.Combine(root, "absent")));

    private IEnumerable<string> Names(IEnumerable<string> paths) => paths.Select(p => Path.GetRelativePath(root, p).Replace('\\', '/'));
}
