using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class FolderTests
{
    [Test]
    public void AListingIsSortedAndPrintsItsBeginning()
    {
        var listing = Folder.List(TestData.Asset("mnist"));
        Assert.That(listing.ToString(), Is.EqualTo("(#4) [README.md, labels.csv, train, valid]"));
        Assert.That(listing[2], Is.EqualTo(TestData.Asset("mnist/train")));
        Assert.That(listing, Has.Count.EqualTo(4));
        Assert.That(Folder.List(TestData.Asset("mnist/train/3")).ToString(), Does.StartWith("(#20) [").And.EndWith(", ...]"));
        Assert.That(() => Folder.List("no/such"), Throws.TypeOf<DataException>().With.Message.StartsWith("no/such: cannot be listed"));
    }
}
