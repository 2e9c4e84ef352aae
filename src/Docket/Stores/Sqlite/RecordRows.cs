using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Records in the rows of their newest changes. What a change set is in <c>content</c>, each value with a link to the change before; the
/// values that it kept are in <c>kept</c>, each with a link to the change that set it. A long one isn't repeated: it is read from there.
/// </summary>
internal sealed class RecordRows(Connection connection, SourceNumbers sources) : IDisposable
{
    /// <summary>Longest kept value in bytes that is written again: shorter ones cost less than the read of another row.</summary>
    const int RepeatedMax = 256;

    /// <summary>The columns of <c>change</c> that <see cref="Read(Statement)"/> expects.</summary>
    public const string Columns = "change.sequence, change.record, kind, time, source, content, kept, created, origin";

    readonly Statement row = connection.Prepare($"SELECT {Columns} FROM change WHERE sequence = ?");

    readonly Statement content = connection.Prepare("SELECT content FROM change WHERE sequence = ?");

    readonly ValueWriter values = new();

    /// <summary>Reads a record from its newest change.</summary>
    public Record Read(long sequence)
    {
        if (!row.Bind(sequence).Step())
        {
            throw SqliteFailure.Damaged($"change {sequence} is missing");
        }

        var record = Read(row);
        row.Reset();
        return record;
    }

    /// <summary>Reads a record from the current row of a statement.</summary>
    public Record Read(Statement row)
    {
        var (sequence, id, kind, time) = (row.Integer(0), RecordKey.IdOf(row.Integer(1)), (ChangeKind)row.Integer(2), row.Integer(3));
        return new(
            id,
            row.IsNull(7) ? time : row.Integer(7),
            time,
            kind == ChangeKind.Archive ? time : null,
            sources.Find(row.Integer(row.IsNull(8) ? 4 : 8)),
            id - Record.IdBase,
            sequence,
            kind == ChangeKind.Create ? row.Blob(5).ToArray() : Unite(row.Blob(5), row.Blob(6), id - Record.IdBase, sequence));
    }

    /// <summary>Reads a value that a change set; <c>null</c> if it was permanently deleted.</summary>
    public byte[]? ValueSetBy(long sequence, int number)
    {
        if (!content.Bind(sequence).Step())
        {
            return null;
        }

        var set = new ValueReader(content.Blob(0));
        var value = set.Seek(number) ? set.Value.ToArray() : null;
        content.Reset();
        return value;
    }

    /// <summary>Builds <c>kept</c> for a record after a change.</summary>
    /// <param name="record">The record after the change.</param>
    /// <param name="values">Builds it.</param>
    public static byte[] Kept(Record record, ValueWriter values)
    {
        var all = new ValueReader(record.Values.Span);
        while (all.Next())
        {
            if (record.FirstChange + all.Link != record.LastChange)
            {
                var isRepeated = all.Value.Length <= RepeatedMax;
                values.Add(all.Number, (all.Link << 1) | (isRepeated ? 0L : 1), isRepeated ? all.Value : default);
            }
        }

        return values.Take();
    }

    public void Dispose()
    {
        row.Dispose();
        content.Dispose();
    }

    // Both are ordered by property number, so one pass is enough.
    byte[] Unite(ReadOnlySpan<byte> setValues, ReadOnlySpan<byte> keptValues, long first, long sequence)
    {
        var set = new ValueReader(setValues);
        var kept = new ValueReader(keptValues);
        set.Next();
        kept.Next();
        while (set.Number != int.MaxValue || kept.Number != int.MaxValue)
        {
            if (set.Number < kept.Number)
            {
                values.Add(set.Number, sequence - first, set.Value);
                set.Next();
            }
            else
            {
                var link = kept.Link >> 1;
                if ((kept.Link & 1) == 0)
                {
                    values.Add(kept.Number, link, kept.Value);
                }
                else if (ValueSetBy(first + link, kept.Number) is { } value)
                {
                    values.Add(kept.Number, link, value);
                }

                kept.Next();
            }
        }

        return values.Take();
    }
}
