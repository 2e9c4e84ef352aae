using System.Globalization;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Empties what is kept of a record besides its row: every change of it and of the records merged into it, and the ids
/// that lead to it. The changes stay as stubs, so that the feed has no gap. What the values leave behind in pages of the
/// file is <see cref="PortalWriter"/>'s to clean, which the row in <c>cleaning</c> asks for.
/// </summary>
internal sealed class RecordEraser(Connection connection) : IDisposable
{
    readonly Statement read = connection.Prepare("SELECT kind, previous FROM change WHERE sequence = ?");

    readonly Statement empty = connection.Prepare("UPDATE change SET trace = NULL, content = x'' WHERE sequence = ?");

    readonly Statement merged = connection.Prepare("SELECT record FROM forward WHERE survivor = ?");

    readonly Statement forget = connection.Prepare("DELETE FROM forward WHERE survivor = ?");

    readonly Statement ask = connection.Prepare("INSERT INTO cleaning (since) VALUES (?)");

    /// <summary>Erases what the records of a purge leave behind.</summary>
    /// <param name="purges">The purges, one for each record.</param>
    /// <param name="type">Of which type the records are.</param>
    public void Erase(List<PlannedWrite> purges, ObjectType type)
    {
        // All that led to the records, because what is kept may name any of it.
        var ids = new HashSet<long>();
        foreach (var purge in purges)
        {
            var key = RecordKey.Of(type, purge.Record.Id, archived: false);
            EmptyChanges(purge.Previous!.Value);
            ids.Add(purge.Record.Id);
            merged.Bind(key);
            while (merged.Step())
            {
                ids.Add(RecordKey.IdOf(merged.Integer(0)));
            }

            forget.Bind(key).Run();
        }

        AnswerTable.Erase(connection, ids);
        JobTables.Erase(connection, ids);
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

    void EmptyChanges(long lastChange)
    {
        var left = new Stack<long>([lastChange]);
        while (left.TryPop(out var sequence) && read.Bind(sequence).Step())
        {
            var isMerge = read.Integer(0) == (long)ChangeKind.Merge;
            long? previous = read.IsNull(1) ? null : read.Integer(1);
            read.Reset();
            empty.Bind(sequence).Run();
            if (isMerge)
            {
                // The chains of both records go on there.
                left.Push(sequence - 1);
                left.Push(sequence - 2);
            }
            else if (previous is { } before)
            {
                left.Push(before);
            }
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[read, empty, merged, forget, ask])
        {
            statement.Dispose();
        }
    }
}
