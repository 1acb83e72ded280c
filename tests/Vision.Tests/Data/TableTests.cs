using System.Data;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

public sealed class TableTests
{
    [Test]
    public void AFileWithItsHead()
    {
        var table = Table.Read(TestData.Asset("mnist/labels.csv"));
        Assert.That(table.Count, Is.EqualTo(60));
        Assert.That(table.Column("label").Distinct(), Is.EqualTo(new[] { "0", "1" }));
        Assert.That(table.Columns, Is.EqualTo(new[] { "name", "label" }));
        Assert.That(table.Column("1"), Is.EqualTo(table.Column("label")), "a number where no column has that name");
        Assert.That(table.Head(2).ToString(), Is.EqualTo("   name              label\n0  train/3/7.png     0\n1  train/3/3150.png  0"));
        Assert.That(table.Head().Count, Is.EqualTo(5));
        Assert.That(table.ToString(), Does.EndWith("\n... 60 rows").And.StartWith(table.Head().ToString()[..20]));
        Assert.That(table[1], Is.EqualTo(new[] { "train/3/3150.png", "0" }));
        Assert.That(() => table.Column("2"), Throws.TypeOf<DataException>().With.Message.Contains("no column '2': expected one of name, label, or a number from 0 to 1"));
    }

    [Test]
    public void RowsInMemory()
    {
        var table = Table.Of(new[] { (File: "a", Breed: 1.5), ("b", -2) }, ("file", r => r.File), ("breed", r => r.Breed), ("note", _ => null));
        Assert.That(table.ToString(), Is.EqualTo("   file  breed  note\n0  a     1.5\n1  b     -2"));
        using DataTable data = new("pets");
        data.Columns.Add("file");
        data.Columns.Add("breed", typeof(int));
        data.Rows.Add("a.jpg", 7);
        data.Rows.Add("b.jpg", DBNull.Value);
        Assert.That(Table.Of(data).ToString(), Is.EqualTo("   file   breed\n0  a.jpg  7\n1  b.jpg"));
        Assert.That(() => ImageList.FromTable(Table.Of(data), "", fileColumn: "breed"), Throws.TypeOf<DataException>().With.Message.StartsWith("pets: row 1 has no breed"));
        var twice = Table.Read(new StringReader("name,label,label\na,b,c\n"), "t.csv");
        Assert.That(() => twice.Column("label"), Throws.TypeOf<DataException>().With.Message.Contains("two columns are called 'label': got columns 1 and 2"));
        Assert.That(twice.Column("2"), Is.EqualTo(new[] { "c" }));
        Assert.That(() => Table.Of<int>([1]), Throws.TypeOf<DataException>().With.Message.Contains("no columns"));
    }

    [Test]
    public void MissingCellsAreNamedWhereTheyAreNeeded()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("t.csv"), "file;breed;age\na.jpg;cat;3\nb.jpg;;\nc.jpg\n");
        var table = Table.Read(folder.File("t.csv"));
        Assert.That(table.Column("age"), Is.EqualTo(new[] { "3", "", "" }));
        var split = ImageList.FromTable(table, folder.Path, suffix: ".x").SplitNone();
        Assert.That(split.TrainPaths[2], Is.EqualTo(folder.File("c.jpg.x")));
        Assert.That(() => split.LabelFromColumn("breed"), Throws.TypeOf<DataException>().With.Message.Contains("row 3 has no breed"));
        File.WriteAllText(folder.File("t.csv"), "");
        Assert.That(() => Table.Read(folder.File("t.csv")), Throws.TypeOf<DataException>().With.Message.Contains("the table is empty"));
    }

    [Test]
    public void WithoutAHeaderTheFirstRowIsAPhoto()
    {
        using TemporaryFolder folder = new();
        string[] photos = [.. ImageFiles.In(TestData.Asset("pets/images")).Take(4).Select(p => Path.GetFileName(p)!)];
        foreach (string photo in photos) File.Copy(Path.Combine(TestData.Asset("pets/images"), photo), folder.File(photo));
        string csv = folder.File("t.csv");
        File.WriteAllText(csv, string.Concat(photos.Select((p, i) => $"{p},{"ab"[i / 2]}\n")));
        var table = Table.Read(csv, header: false);
        Assert.That((table.Count, string.Join(' ', table.Columns), table[0][0]), Is.EqualTo((4, "0 1", photos[0])));
        Assert.That(ImageList.FromCsv(csv, header: false).SplitNone().LabelFromColumn("1").Train, Has.Count.EqualTo(4));
        var data = ImageDataBunch.FromCsv(csv, size: 16, batchSize: 2, options: new() { ValidFraction = 0 }, header: false);
        Assert.That((data.TrainSet.Count, string.Join(' ', data.Classes)), Is.EqualTo((4, "a b")));
        Assert.That(() => ImageDataBunch.FromCsv(csv, size: 16), Throws.TypeOf<DataException>().With.Message.Matches($"the first row is a photo: got {photos[0]}, expected the names of the columns. Hint: header: false"));
        File.WriteAllText(csv, $"{photos[0]},\n");
        Assert.That(() => ImageList.FromCsv(csv, header: false).SplitNone().LabelFromColumn("1"), Throws.TypeOf<DataException>().With.Message.Contains("row 1 has no 1"));
        File.WriteAllText(csv, "");
        Assert.That(() => Table.Read(csv, header: false), Throws.TypeOf<DataException>().With.Message.Contains("the table is empty"));
    }

    [Test]
    public void TheDelimiterCanBeGiven()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("t.csv"), "file|note\na.jpg|x,y;z\n");
        Assert.That(Table.Read(folder.File("t.csv"), delimiter: "|")[0], Is.EqualTo(new[] { "a.jpg", "x,y;z" }));
        File.WriteAllText(folder.File("t.csv"), "file::note\na.jpg::1\n");
        Assert.That(Table.Read(folder.File("t.csv"), delimiter: "::").Columns, Is.EqualTo(new[] { "file", "note" }));
        foreach (string wrong in new[] { "", "\"", "\n" })
        {
            var error = Assert.Catch<TesseraException>(() => Table.Read(folder.File("t.csv"), delimiter: wrong))!;
            Assert.That(error.Message, Does.Match(ErrorForm.Of(error)).And.Contain("delimiter"));
        }
    }

    [Test]
    public void LongValuesAreCut() => Assert.That(Table.Of(["x"], ("text", _ => new string('n', 50) + "\nend")).ToString(), Does.EndWith("  " + new string('n', 37) + "..."));

    [Test]
    public void DamagedFilesAreTablesOrErrorsOfOurs()
    {
        using TemporaryFolder folder = new();
        byte[] whole = System.Text.Encoding.UTF8.GetBytes("file,breed,\"note, long\"\n" + string.Concat(Enumerable.Range(0, 8).Select(i => $"photo_{i}.jpg,\"cat \"\"{i}\"\"\",\"a\nb\"\n")));
        byte[] odd = [0, (byte)'"', (byte)',', (byte)';', (byte)'\t', (byte)'\n', (byte)'\r', 0xFF, 0xC3, (byte)'='];
        Random random = new(3);
        int read = 0;
        for (int k = 0; k < 600; k++)
        {
            byte[] csv = whole[..random.Next(whole.Length + 1)];
            for (int i = 0; i < k % 6 && csv.Length > 0; i++) csv[random.Next(csv.Length)] = odd[random.Next(odd.Length)];
            File.WriteAllBytes(folder.File("t.csv"), csv);
            try
            {
                var table = Table.Read(folder.File("t.csv"));
                _ = table.ToString();
                _ = ImageList.FromTable(table, folder.Path).SplitNone().LabelFromColumn();
                read++;
            }
            catch (DataException)
            {
                // as it should be
            }
        }
        Assert.That(read, Is.GreaterThan(20));
    }
}
