using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Sessions of browsers.</summary>
internal sealed class SessionTables(IControlDatabase database) : ISessions
{
    /// <summary>How long a session lasts, in milliseconds.</summary>
    const long LifetimeMs = 3_600_000;

    /// <summary>Most attempts for an address within a period in milliseconds.</summary>
    const long AttemptsMax = 5, AttemptsMs = 60_000;

    // Counted before the password is checked, so that concurrent attempts can't evade the limit. Successes count too: otherwise a
    // user of one portal could reset the count and continue guessing for the same address in another.
    public ValueTask<bool> MayTryAsync(string email) => database.WriteAsync(
        async opened =>
        {
            var now = Instant.Now(database.Clocks.Server);
            await opened.RunAsync("DELETE FROM sign_in_attempt WHERE since <= @1", now - AttemptsMs);
            return await opened.RunAsync( // attempts beyond the limit are not written to disk
                $"INSERT INTO sign_in_attempt VALUES (@1, @2, 1) ON CONFLICT (email) DO UPDATE SET attempts = sign_in_attempt.attempts + 1 WHERE sign_in_attempt.attempts < {AttemptsMax}",
                Secrets.Hash(email.ToLowerInvariant()), now) > 0;
        },
        changesCallers: static _ => false);

    public ValueTask<string> StartAsync(IEnumerable<User> users) => database.WriteAsync(
        async opened =>
        {
            var now = Instant.Now(database.Clocks.Server);
            await opened.RunAsync("DELETE FROM session WHERE expires <= @1", now);
            var started = Secrets.NewOpaque();
            foreach (var user in users)
            {
                await opened.RunAsync("""INSERT INTO session SELECT @1, id, @2 FROM "user" WHERE id = @3 AND archived = 0""", Secrets.Hash(started), now + LifetimeMs, user.Id);
            }

            return started;
        },
        changesCallers: static _ => false);

    public ValueTask<ImmutableArray<User>> FindAsync(string session, CancellationToken cancellation) => database.ReadAsync(
        opened => opened.ListAsync(
            UserTables.ToUser, $"""{UserTables.Select} WHERE id IN (SELECT "user" FROM session WHERE hash = @1 AND expires > @2) ORDER BY portal""",
            Secrets.Hash(session), Instant.Now(database.Clocks.Server)),
        cancellation);

    public async ValueTask EndAsync(string session) =>
        await database.WriteAsync(opened => opened.RunAsync("DELETE FROM session WHERE hash = @1", Secrets.Hash(session)), changesCallers: static _ => false);

    /// <summary>Ends all sessions of a user.</summary>
    public static ValueTask<int> EndAllAsync(ControlConnection opened, long userId) => opened.RunAsync("""DELETE FROM session WHERE "user" = @1""", userId);
}
