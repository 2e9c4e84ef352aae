using System.Globalization;
using System.Text;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Empties what is kept of a record besides its row: every change of it and of the records merged into it, and the ids
/// that lead to it. The changes stay as stubs, so that the feed has no gap. They are emptied some at a time, between which
/// others write, however many there are; what the values leave behind in pages of the file is <see cref="PortalWriter"/>'s to
/// clean. The rows in <c>erasing</c> and <c>cleaning</c> ask for it.
/// </summary>
internal sealed class RecordEraser(Connection connection) : IDisposable
{
    readonly Statement read = connection.Prepare("SELECT kind, previous FROM change WHERE sequence = ?");

    readonly Statement empty = connection.Prepare("UPDATE change SET trace = NULL, content = x'' WHERE sequence = ?");

    readonly Statement next = connection.Prepare("SELECT sequence FROM erasing LIMIT 1");

    readonly Statement done = connection.Prepare("DELETE FROM erasing WHERE sequence = ?");

    readonly Statement later = connection.Prepare("INSERT INTO erasing (sequence) VALUES (?)");

    readonly Statement merged = connection.Prepare("SELECT record FROM forward WHERE survivor = ?");

    readonly Statement forget = connection.Prepare("DELETE FROM forward WHERE survivor = ?");

    readonly Statement ask = connection.Prepare("INSERT INTO cleaning (since) VALUES (?)");

    /// <summary>Erases what the records of a purge leave behind, but for their changes: those are <see cref="EmptySome"/>'s.</summary>
    /// <param name="purges">The purges, one for each record.</param>
    /// <param name="schema">That of their type.</param>
    public void Erase(List<PlannedWrite> purges, Schema schema)
    {
        // All that led to the records, because what is kept may name any of it.
        var (ids, keys) = (new HashSet<long>(), new List<string>());
        foreach (var purge in purges)
        {
            var key = RecordKey.Of(schema.Type, purge.Record.Id, archived: false);
            later.Bind(purge.Previous!.Value).Run();
            ids.Add(purge.Record.Id);
            merged.Bind(key);
            while (merged.Step())
            {
                ids.Add(RecordKey.IdOf(merged.Integer(0)));
            }

            forget.Bind(key).Run();
            var values = new ValueReader(purge.Before.Span);
            while (values.Next())
            {
                if (!values.Value.IsEmpty && schema.FindNumberEvenArchived(values.Number) is { Unique: true })
                {
                    keys.Add(Encoding.UTF8.GetString(values.Value));
                }
            }
        }

        AnswerTable.Erase(connection, ids);
        JobTables.Erase(connection, ids, keys);
        ask.Bind(purges[0].Time).Run();
    }

    /// <summary>Whether a text has one of the ids between quotation marks: a result's own id, or the one that an error is about.</summary>
    public static bool Quotes(ReadOnlySpan<byte> json, HashSet<long> ids) => Names(json, ids, quoted: true);

    /// <summary>Whether a text has one of the ids anywhere, as the message of an error has.</summary>
    public static bool Mentions(ReadOnlySpan<byte> json, HashSet<long> ids) => Names(json, ids, quoted: false);

    static bool Names(ReadOnlySpan<byte> json, HashSet<long> ids, bool quoted)
    {
        for (int end = 0, next; (next = json[end..].IndexOfAnyInRange((byte)'0', (byte)'9')) >= 0;)
        {
            var start = end + next;
            end = json[start..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') is var length and >= 0 ? start + length : json.Length;
            if (long.TryParse(json[start..end], NumberStyles.None, CultureInfo.InvariantCulture, out var id) && ids.Contains(id)
                && (!quoted || (start > 0 && json[start - 1] == '"' && end < json.Length && json[end] == '"')))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Empties some of the changes that are left, inside the transaction that is open; <c>true</c> when there are no more.</summary>
    public bool EmptySome(int max)
    {
        while (next.Step())
        {
            long? chain = next.Integer(0);
            next.Reset();
            done.Bind(chain).Run();
            while (chain is { } sequence)
            {
                if (max-- == 0)
                {
                    later.Bind(sequence).Run();
                    return false;
                }

                chain = Empty(sequence);
            }
        }

        return true;
    }

    // Gives the change before it.
    long? Empty(long sequence)
    {
        if (!read.Bind(sequence).Step())
        {
            return null;
        }

        var isMerge = read.Integer(0) == (long)ChangeKind.Merge;
        long? previous = read.IsNull(1) ? null : read.Integer(1);
        read.Reset();
        empty.Bind(sequence).Run();
        if (isMerge)
        {
            // The chains of both records go on there.
            later.Bind(sequence - 1).Run();
            later.Bind(sequence - 2).Run();
            return null;
        }

        return previous;
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[read, empty, next, done, later, merged, forget, ask])
        {
            statement.Dispose();
        }
    }
}
