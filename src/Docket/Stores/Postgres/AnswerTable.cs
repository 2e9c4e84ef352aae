using System.Collections.Concurrent;
using Docket.Model;

namespace Docket.Stores.Postgres;

/// <summary>
/// Stored answers to requests that may be repeated. A request holds its key by a row without an answer, which names the process; it is
/// the process's as long as that is alive, however long the request takes. An answer is stored only for a key that is still held:
/// a process that was stopped for long may have lost it to another.
/// </summary>
internal sealed class AnswerTable(PostgresStore store, PostgresDatabase database, long portal, TimeProvider clock) : IAnswers
{
    /// <summary>The pause before another attempt to release a key.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Takes a key that nobody has, or that the process $5 has left behind. The answers of old requests don't count.
    const string Take = """
        INSERT INTO kept_answer AS a (portal, source, key, time, process) VALUES ($1, $2, $3, $4, $6)
        ON CONFLICT (portal, source, key) DO UPDATE SET
          process = excluded.process, time = excluded.time, request = NULL, status = NULL, location = NULL, body = NULL, folded = NULL, names = NULL
        WHERE a.status IS NULL AND a.process = $5 OR a.status IS NOT NULL AND a.time <= $7
        RETURNING 1
        """;

    readonly ConcurrentDictionary<(string Source, string Key), bool> held = new();
    readonly PortalReads reads = new(database, portal, new());

    long Expired => Instant.Now(clock) - (long)IJobs.Kept.TotalMilliseconds;

    public async ValueTask<IAsyncDisposable?> HoldAsync(string source, string key)
    {
        if (!held.TryAdd((source, key), true))
        {
            return null;
        }

        var isTaken = false;
        try
        {
            isTaken = await store.ReadAsync(_ => TakeAsync(source, key));
            return isTaken ? new Held(this, source, key) : null;
        }
        finally
        {
            if (!isTaken)
            {
                held.TryRemove((source, key), out _);
            }
        }
    }

    public async ValueTask<(StoredAnswer Answer, byte[] Request)?> FindAsync(string source, string key) => await store.ReadAsync(_ => reads.ListAsync(
        row => (new StoredAnswer(row.GetInt32(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetFieldValue<byte[]>(2), row.IsDBNull(3) ? null : row.GetString(3)), row.GetFieldValue<byte[]>(4)),
        "SELECT status, location, body, folded, request FROM kept_answer WHERE portal = $1 AND source = $2 AND key = $3 AND status IS NOT NULL AND time > $4",
        [PortalSession.Value(source), PortalSession.Value(key), PortalSession.Value(Expired)], CancellationToken.None)) is [var found] ? found : null;

    /// <summary>Checks that this process still holds a key, and keeps others from taking it before the end of the transaction.</summary>
    /// <exception cref="Refusal">Another process has taken it.</exception>
    public static void Expect(PortalSession session, long portal, Guid process, AnswerKey key)
    {
        if (session.Find(
            row => row.GetBoolean(0), "SELECT process = $4 AND status IS NULL FROM kept_answer WHERE portal = $1 AND source = $2 AND key = $3 FOR UPDATE",
            PortalSession.Value(portal), PortalSession.Value(key.Source), PortalSession.Value(key.Key), PortalSession.Value(process)) is false)
        {
            throw new Refusal(Faults.IdempotencyKeyUnderWay(key.Key));
        }
    }

    /// <summary>Stores an answer and what it names, in the transaction of its write.</summary>
    public static void Keep(PortalSession session, long portal, AnswerKey key, StoredAnswer answer, Names names, long now) => session.Queue(
        "UPDATE kept_answer SET request = $4, time = $5, status = $6, location = $7, body = $8, folded = $9, names = $10 WHERE portal = $1 AND source = $2 AND key = $3",
        PortalSession.Value(portal), PortalSession.Value(key.Source), PortalSession.Value(key.Key), PortalSession.Value(key.Request), PortalSession.Value(now),
        PortalSession.Value(answer.Status), PortalSession.Value(answer.Location), PortalSession.Value(answer.Body), PortalSession.Value(answer.Folded),
        PortalSession.Value(answer.Body.Length > 0 ? names.Entries.Select(entry => entry.Name).Distinct().ToArray() : null)); // an empty answer names nothing

    /// <summary>Empties the answers that name permanently deleted records. The keys stay: the requests must not be executed again.</summary>
    public static void Erase(PortalSession session, long portal, HashSet<long> names) => session.Queue(
        "UPDATE kept_answer SET status = 410, location = NULL, folded = NULL, body = '', names = NULL WHERE portal = $1 AND names && $2",
        PortalSession.Value(portal), PortalSession.Value(names.ToArray()));

    async ValueTask<bool> TakeAsync(string source, string key)
    {
        await database.Presence.AnnounceAsync(portal);
        // What is left of this process itself was not released because the database could not be reached.
        for (var left = database.Process; ;)
        {
            if ((await reads.ListAsync(
                _ => true, Take,
                [
                    PortalSession.Value(source), PortalSession.Value(key), PortalSession.Value(Instant.Now(clock)), PortalSession.Value(left), PortalSession.Value(database.Process),
                    PortalSession.Value(Expired),
                ],
                CancellationToken.None)).Count > 0)
            {
                return true;
            }

            switch (await reads.ListAsync(
                row => (IsAnswered: row.GetBoolean(0), Process: row.GetGuid(1)), "SELECT status IS NOT NULL, process FROM kept_answer WHERE portal = $1 AND source = $2 AND key = $3",
                [PortalSession.Value(source), PortalSession.Value(key)], CancellationToken.None))
            {
                case [{ IsAnswered: true }]:
                    return true; // nobody executes it again
                case [var other] when (await database.Presence.AliveAsync()).Contains(other.Process):
                    return false;
                case [var other]:
                    left = other.Process;
                    break;
            }
        }
    }

    async Task ReleaseAsync(string source, string key)
    {
        await reads.ListAsync(
            _ => true, "DELETE FROM kept_answer WHERE portal = $1 AND source = $2 AND key = $3 AND process = $4 AND status IS NULL",
            [PortalSession.Value(source), PortalSession.Value(key), PortalSession.Value(database.Process)], CancellationToken.None);
        held.TryRemove((source, key), out _);
    }

    // Until the database can be reached again: other processes wait for it.
    async Task KeepReleasingAsync(string source, string key)
    {
        while (true)
        {
            try
            {
                await Task.Delay(Pause, database.Closing);
                await ReleaseAsync(source, key);
                return;
            }
            catch (Exception failure) when (failure is not OperationCanceledException && PostgresFailures.IsInterruption(failure))
            {
            }
        }
    }

    sealed class Held(AnswerTable table, string source, string key) : IAsyncDisposable
    {
        bool isReleased;

        public async ValueTask DisposeAsync()
        {
            if (isReleased)
            {
                return;
            }

            isReleased = true;
            try
            {
                await table.ReleaseAsync(source, key);
            }
            catch (Exception failure) when (PostgresFailures.IsInterruption(failure))
            {
                _ = table.KeepReleasingAsync(source, key);
            }
        }
    }
}
