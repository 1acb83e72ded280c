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

    /// <summary>Reads a file of separated values.</summary>
    /// <param name="csv">The file.</param>
    /// <param name="header">Whether the first row names the columns; if not it is a row as the others, and the columns are called 0, 1, ...</param>
    /// <param name="delimiter">What stands between two values; null: found out.</param>
    /// <exception cref="DataException">The file cannot be read, is empty, or fills the memory.</exception>
    public static Table Read(string csv, bool header = true, string? delimiter = null)
    {
        using var file = Open(csv);
        return Read(file, csv, header, delimiter);
    }

    /// <summary>Reads separated values from a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">How messages call it.</param>
    /// <param name="header">As for a file.</param>
    /// <param name="delimiter">As for a file.</param>
    /// <exception cref="DataException">There is no row, or the table fills the memory.</exception>
    public static Table Read(TextReader text, string name, bool header = true, string? delimiter = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (delimiter is "" || delimiter?.AsSpan().IndexOfAny("\"\r\n") >= 0)
            throw new TesseraException(
                $"Table.Read: delimiter: got {(delimiter.Length == 0 ? "an empty text" : "a quote or a line end")}, expected what stands between two values. "
                    + "Hint: \",\", \";\" and \"\\t\" are usual.");
        try
        {
            var format = new CsvConfiguration(CultureInfo.InvariantCulture) { DetectDelimiter = delimiter is null, MissingFieldFound = null, BadDataFound = null };
            if (delimiter is not null) format.Delimiter = delimiter;
            using var table = new CsvReader(text, format, leaveOpen: true);
            return header ? OfNamed(table, name) : OfNumbered(table, name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new DataException(
                $"{name}: the table cannot be read: {e.Message.Split('\n')[0].TrimEnd('\r', '.')}. "
                    + "Hint: open it with a text editor and look at the first rows: a header, then one row a photo.", e);
        }
    }

    static Table OfNamed(CsvReader table, string name)
    {
        if (!table.Read() || !table.ReadHeader() || table.HeaderRecord is not { Length: > 0 } header)
            throw new DataException($"{name}: the table is empty: got no header, expected a header row and one row a photo. Hint: look at the file with a text editor.");
        return new(name, header, Rows(table, header.Length, [], name), firstRow: 2);
    }

    static Table OfNumbered(CsvReader table, string name)
    {
        if (!table.Read() || table.Parser.Record is not { Length: > 0 } first)
            throw new DataException($"{name}: the table is empty: got no row, expected one a photo. Hint: look at the file with a text editor.");
        string[] numbers = [.. first.Select((_, column) => column.ToString(CultureInfo.InvariantCulture))];
        return new(name, numbers, Rows(table, numbers.Length, [first], name), firstRow: 1);
    }

    /// <summary>The rows from the next one on, behind those that were read.</summary>
    static string[][] Rows(CsvReader table, int columns, List<string[]> rows, string name)
    {
        for (long taken = 0; table.Read();)
        {
            string[] row = [.. Enumerable.Range(0, columns).Select(column => table.GetField(column) ?? "")];
            rows.Add(row);
            taken += row.Sum(cell => ofCell + (2L * cell.Length)); // short rows are filled up to the length of the header
            if (taken > (4 * table.Parser.CharCount) + MostTaken)
                throw new DataException(string.Create(CultureInfo.InvariantCulture,
                    $"{name}: the table fills the memory: got {taken} bytes in {rows.Count} rows of {columns} columns, "
                        + $"expected at most {MostTaken} and 4 a letter. Hint: leave out columns, or split the table."));
        }
        return [.. rows];
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
        return new(
            table.TableName.Length > 0 ? table.TableName : "table", [.. columns.Select(c => c.ColumnName)],
            [.. table.Rows.Cast<DataRow>().Select(r => columns.Select(c => Text(r[c])).ToArray())], firstRow: 0);
    }

    static string Text(object? value) => value is null or DBNull ? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>The values of a column.</summary>
    /// <param name="column">Its name, or its number from 0 where no column has that name.</param>
    /// <exception cref="DataException">No such column, or two of that name.</exception>
    public IReadOnlyList<string> Column(string column)
    {
        int at = Find(column);
        return [.. rows.Select(r => r[at])];
    }

    /// <summary>The name of a column that is given by its name or number.</summary>
    internal string NameOf(string column) => columns[Find(column)];

    /// <summary>The first rows.</summary>
    /// <exception cref="TesseraException"><paramref name="count"/> is negative.</exception>
    public Table Head(int count = 5) => count < 0
        ? throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"Head: rows: got {count}, expected at least 0. Hint: 5 is usual."))
        : new(name, columns, [.. rows.Take(count)], firstRow);

    /// <summary>The values of a column, none of them missing.</summary>
    internal IReadOnlyList<string> Filled(string column)
    {
        if (Count == 0) throw new DataException($"{name}: the table has no rows: expected one row a photo. Hint: the first line is the header, unless header: false.");
        var values = Column(column);
        int missing = values.ToList().FindIndex(string.IsNullOrWhiteSpace);
        return missing < 0 ? values : throw new DataException(string.Create(CultureInfo.InvariantCulture,
            $"{name}: row {missing + firstRow} has no {Columns[Find(column)]}. Hint: fill in or remove the row."));
    }

    int Find(string column)
    {
        int at = Array.IndexOf(columns, column);
        if (at >= 0 && Array.LastIndexOf(columns, column) is var other && other != at)
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{name}: two columns are called '{column}': got columns {at} and {other}, expected one. Hint: name it by its number, or rename one."));
        if (at < 0 && int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < Columns.Count) at = number;
        return at >= 0 ? at : throw new DataException(string.Create(CultureInfo.InvariantCulture,
            $"{name}: no column '{column}': expected one of {string.Join(", ", Columns)}, or a number from 0 to {Columns.Count - 1}. "
                + $"Hint: names count letter by letter, capitals too."));
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
