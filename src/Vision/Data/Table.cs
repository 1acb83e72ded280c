using System.Data;
using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace Tessera.Vision;

/// <summary>Rows of text under named columns: a file of labels, or what a program holds in memory. A missing value is an empty text.</summary>
[TypeFormatterSource(typeof(NotebookPicture))]
public sealed class Table
{
    const int widest = 40, ofCell = 48; // bytes of a cell beside its letters
    const long MostTaken = 192 << 20;

    readonly string name;
    readonly string[] columns;
    readonly string[][] rows;
    readonly int firstRow;

    Table(string name, string[] columns, string[][] rows, int firstRow) => (this.name, this.columns, this.rows, this.firstRow) = (name, columns, rows, firstRow);

    /// <summary>The names of the columns.</summary>
    public IReadOnlyList<string> Columns => columns;

    /// <summary>Rows.</summary>
    public int Count => rows.Length;

    /// <summary>The values of a row, one a column.</summary>
    public IReadOnlyList<string> this[int row] => rows[row];

    /// <summary>Reads a file of separated values with a header row; the separator is found out.</summary>
    /// <exception cref="DataException">The file cannot be read, has no header, or fills the memory.</exception>
    public static Table Read(string csv)
    {
        using var file = Open(csv);
        return Read(file, csv);
    }

    /// <summary>Reads separated values with a header row from a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="DataException">There is no header, or the table fills the memory.</exception>
    public static Table Read(TextReader text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            using var table = new CsvReader(text, new CsvConfiguration(CultureInfo.InvariantCulture) { DetectDelimiter = true, MissingFieldFound = null, BadDataFound = null }, leaveOpen: true);
            if (!table.Read() || !table.ReadHeader() || table.HeaderRecord is not { Length: > 0 } header)
                throw new DataException($"{name}: the table is empty: got no header, expected a header row and one row a photo. Hint: look at the file with a text editor.");
            var rows = new List<string[]>();
            for (long taken = 0; table.Read();)
            {
                string[] row = [.. header.Select((_, column) => table.GetField(column) ?? "")];
                rows.Add(row);
                taken += row.Sum(cell => ofCell + (2L * cell.Length)); // short rows are filled up to the length of the header
                if (taken > (4 * table.Parser.CharCount) + MostTaken)
                    throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{name}: the table fills the memory: got {taken} bytes in {rows.Count} rows of {header.Length} columns, expected at most {MostTaken} and 4 a letter. Hint: leave out columns, or split the table."));
            }
            return new(name, header, [.. rows], firstRow: 2);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new DataException($"{name}: the table cannot be read: {e.Message.Split('\n')[0].TrimEnd('\r', '.')}. Hint: open it with a text editor and look at the first rows: a header, then one row a photo.", e);
        }
    }

    /// <summary>The text of a table's file.</summary>
    internal static StreamReader Open(string csv) => new(InputFile.Open(csv, "write a table with a header row and one row a photo", [".csv", ".tsv", ".txt"]));

    /// <summary>Rows in memory: <c>Table.Of(photos, ("file", p => p.File), ("breed", p => p.Breed))</c>.</summary>
    /// <param name="rows">One object a row.</param>
    /// <param name="columns">The name of each column, and its value in a row; null for a missing one.</param>
    public static Table Of<T>(IEnumerable<T> rows, params (string Name, Func<T, object?> Value)[] columns)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(columns);
        if (columns.Length == 0) throw new DataException("Table.Of: no columns: got none, expected at least one. Hint: such as (\"file\", p => p.File).");
        return new("table", [.. columns.Select(c => c.Name)], [.. rows.Select(r => columns.Select(c => Text(c.Value(r))).ToArray())], firstRow: 0);
    }

    /// <summary>The rows of a <see cref="DataTable"/>.</summary>
    public static Table Of(DataTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var columns = table.Columns.Cast<DataColumn>().ToArray();
        return new(table.TableName.Length > 0 ? table.TableName : "table", [.. columns.Select(c => c.ColumnName)], [.. table.Rows.Cast<DataRow>().Select(r => columns.Select(c => Text(r[c])).ToArray())], firstRow: 0);
    }

    static string Text(object? value) => value is null or DBNull ? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>The values of a column.</summary>
    /// <param name="column">Its name, or its number from 0 where no column has that name.</param>
    /// <exception cref="DataException">No such column.</exception>
    public IReadOnlyList<string> Column(string column)
    {
        int at = Find(column);
        return [.. rows.Select(r => r[at])];
    }

    /// <summary>The first rows.</summary>
    /// <exception cref="TesseraException"><paramref name="count"/> is negative.</exception>
    public Table Head(int count = 5) => count < 0
        ? throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"Head: rows: got {count}, expected at least 0. Hint: 5 is usual."))
        : new(name, columns, [.. rows.Take(count)], firstRow);

    /// <summary>The values of a column, none of them missing.</summary>
    internal IReadOnlyList<string> Filled(string column)
    {
        if (Count == 0) throw new DataException($"{name}: the table has no rows: expected one row a photo. Hint: the first line is the header.");
        var values = Column(column);
        int missing = values.ToList().FindIndex(string.IsNullOrWhiteSpace);
        return missing < 0 ? values : throw new DataException(string.Create(CultureInfo.InvariantCulture,
            $"{name}: row {missing + firstRow} has no {Columns[Find(column)]}. Hint: fill in or remove the row."));
    }

    int Find(string column)
    {
        int at = Array.IndexOf(columns, column);
        if (at < 0 && int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < Columns.Count) at = number;
        return at >= 0 ? at : throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{name}: no column '{column}': expected one of {string.Join(", ", Columns)}, or a number from 0 to {Columns.Count - 1}. Hint: names count letter by letter, capitals too."));
    }

    /// <summary>The table in columns, with numbered rows; of a long one the first five rows.</summary>
    public override string ToString()
    {
        int shown = Count > 10 ? 5 : Count;
        string[][] lines = [["", .. Columns], .. rows.Take(shown).Select((r, i) => (string[])[i.ToString(CultureInfo.InvariantCulture), .. r])];
        int[] widths = [.. Enumerable.Range(0, Columns.Count + 1).Select(c => lines.Max(l => Cut(l[c]).Length))];
        var text = new StringBuilder();
        foreach (string[] line in lines) text.AppendLine(string.Join("  ", line.Select((value, c) => Cut(value).PadRight(widths[c]))).TrimEnd());
        if (shown < Count) text.AppendLine(CultureInfo.InvariantCulture, $"... {Count} rows");
        return text.ToString().TrimEnd().ReplaceLineEndings("\n");
    }

    static string Cut(string value) => (value.Length <= widest ? value : value[..(widest - 3)] + "...").ReplaceLineEndings(" ");
}
