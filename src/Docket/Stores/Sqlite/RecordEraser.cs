using System.Text;
using Docket.Model;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Empties what is kept of a record besides its row: every change of it and of the records merged into it, and the ids
/// that lead to it. The changes stay as stubs, so that the feed has no gap. What the values leave behind in pages of the
/// file is <see cref="PortalWriter"/>'s to clean, which the row in <c>cleaning</c> asks for.
/// </summary>
internal sealed class RecordEraser(Connection connection) : IDisposable
{
    static readonly byte[] Gone = """{"status":"error","message":"The answer to this request told of an object that was deleted for good"}"""u8.ToArray();

    readonly Statement read = connection.Prepare("SELECT kind, previous FROM change WHERE sequence = ?");

    readonly Statement empty = connection.Prepare("UPDATE change SET trace = NULL, content = x'' WHERE sequence = ?");

    readonly Statement merged = connection.Prepare("SELECT record FROM forward WHERE survivor = ?");

    readonly Statement forget = connection.Prepare("DELETE FROM forward WHERE survivor = ?");

    readonly Statement ask = connection.Prepare("INSERT INTO cleaning (since) VALUES (?)");

    /// <param name="key">The record's key as an active one.</param>
    /// <param name="lastChange">Sequence number of its newest change.</param>
    /// <param name="time">Milliseconds since 1970.</param>
    public void Erase(long key, long lastChange, long time)
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

        EraseAnswers(RecordKey.IdOf(key));
        merged.Bind(key);
        while (merged.Step())
        {
            EraseAnswers(RecordKey.IdOf(merged.Integer(0)));
        }

        forget.Bind(key).Run();
        ask.Bind(time).Run();
    }

    // What was told of it and is kept to be told again.
    void EraseAnswers(long id)
    {
        // As a result's id, and among the ids of an error: that may quote a value of the record.
        var quoted = Encoding.UTF8.GetBytes($"\"{id}\"");
        AnswerTable.Erase(connection, quoted, Gone);
        JobTables.Erase(connection, quoted, Gone);
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[read, empty, merged, forget, ask])
        {
            statement.Dispose();
        }
    }
}
