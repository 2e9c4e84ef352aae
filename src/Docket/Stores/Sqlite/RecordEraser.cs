using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Erases the data of a record besides its row: the changes of it and of the records merged into it, and the ids that lead to
/// it. The changes stay as stubs, so that the feed has no gap. They are emptied a part at a time, so that other writes don't wait
/// long; then <see cref="PortalWriter"/> cleans what remains in the pages of the file. Rows in <c>erasing</c> and
/// <c>cleaning</c> request this.
/// </summary>
internal sealed class RecordEraser(Connection connection) : IDisposable
{
    readonly Statement read = connection.Prepare("SELECT kind, previous FROM change WHERE sequence = ?");

    readonly Statement empty = connection.Prepare("UPDATE change SET trace = NULL, content = x'', kept = NULL WHERE sequence = ?");

    readonly Statement next = connection.Prepare("SELECT sequence FROM erasing LIMIT 1");

    readonly Statement done = connection.Prepare("DELETE FROM erasing WHERE sequence = ?");

    readonly Statement later = connection.Prepare("INSERT INTO erasing (sequence) VALUES (?)");

    readonly Statement merged = connection.Prepare("SELECT record FROM forward WHERE survivor = ?");

    readonly Statement forget = connection.Prepare("DELETE FROM forward WHERE survivor = ?");

    readonly Statement ask = connection.Prepare("INSERT INTO cleaning (since) VALUES (?)");

    /// <summary>Erases the remaining data of purged records, except their changes, which <see cref="EmptySome"/> empties.</summary>
    /// <param name="purges">The purges, one for each record.</param>
    /// <param name="schema">The schema of their type.</param>
    public void Erase(List<PlannedWrite> purges, Schema schema)
    {
        // All ids and unique values of the records, because stored answers and results may contain any of them.
        var names = new HashSet<long>();
        foreach (var purge in purges)
        {
            var key = RecordKey.Of(schema.Type, purge.Record.Id, archived: false);
            later.Bind(purge.Previous!.Value).Run();
            names.Add(purge.Record.Id);
            merged.Bind(key);
            while (merged.Step())
            {
                names.Add(RecordKey.IdOf(merged.Integer(0)));
            }

            forget.Bind(key).Run();
            var values = new ValueReader(purge.Before!.Values.Span);
            while (values.Next())
            {
                foreach (var claim in Claims.Of(schema.FindNumberEvenArchived(values.Number), purge.Before.Values.Slice(values.ValueStart, values.Value.Length)))
                {
                    names.Add(Names.Of(claim.Value.Span));
                }
            }
        }

        AnswerTable.Erase(connection, names);
        JobTables.Erase(connection, names);
        ask.Bind(purges[0].Time).Run();
    }

    /// <summary>Empties some of the remaining changes, inside the open transaction; <c>true</c> if there are no more.</summary>
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

    // Returns the previous change.
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
            // The chains of both records continue there.
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
