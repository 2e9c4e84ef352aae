using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Stored answers in the portal's file. Keys in use are held in memory, because only this process serves the portal.</summary>
internal sealed class AnswerTable(SqliteStore store, TimeProvider clock) : IAnswers
{
    readonly HashSet<(string Source, string Key)> held = [];

    public ValueTask<IAsyncDisposable?> HoldAsync(string source, string key)
    {
        lock (held)
        {
            return new(held.Add((source, key)) ? new Held(this, (source, key)) : null);
        }
    }

    public ValueTask<(StoredAnswer Answer, byte[] Request)?> FindAsync(string source, string key) => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare("SELECT status, location, body, folded, request FROM kept_answer WHERE source = ? AND key = ? AND time > ?");
        if (!select.Bind(source).Bind(key).Bind(Instant.Now(clock) - (long)IJobs.Kept.TotalMilliseconds).Step())
        {
            return ((StoredAnswer, byte[])?)null;
        }

        var answer = new StoredAnswer((int)select.Integer(0), TextOrNull(1), select.Blob(2).ToArray(), TextOrNull(3));
        var request = select.Blob(4).ToArray();
        select.Reset();
        return (answer, request);

        string? TextOrNull(int column) => select.IsNull(column) ? null : select.Text(column);
    }));

    /// <summary>Stores an answer and what it names, in the transaction of its write. Replaces an expired one.</summary>
    public static void Keep(Connection connection, AnswerKey key, StoredAnswer answer, Names names, long now)
    {
        using var insert = connection.Prepare("""
            INSERT OR REPLACE INTO kept_answer (source, key, request, time, status, location, body, folded, names)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """);
        insert.Bind(key.Source).Bind(key.Key).Bind(key.Request).Bind(now)
            .Bind(answer.Status).Bind(answer.Location).Bind(answer.Body).Bind(answer.Folded)
            .BindNames(answer.Body.Length > 0 ? names.Entries : []).Run(); // an empty answer names nothing
    }

    /// <summary>Empties the answers that name permanently deleted records. The keys stay: the requests must not be executed again.</summary>
    public static void Erase(Connection connection, HashSet<long> names)
    {
        using var update = connection.Prepare("UPDATE kept_answer SET status = 410, location = NULL, folded = NULL, body = x'', names = NULL WHERE rowid = ?");
        foreach (var (row, _) in NameColumn.Find(connection, "kept_answer", names))
        {
            update.Bind(row).Run();
        }
    }

    sealed class Held(AnswerTable table, (string, string) key) : IAsyncDisposable
    {
        bool isReleased;

        public ValueTask DisposeAsync()
        {
            lock (table.held)
            {
                _ = isReleased || table.held.Remove(key);
                isReleased = true;
            }

            return ValueTask.CompletedTask;
        }
    }
}
