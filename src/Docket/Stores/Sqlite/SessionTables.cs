using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Sessions of browsers in the registry.</summary>
internal sealed class SessionTables(Registry registry) : ISessions
{
    /// <summary>How long a session lasts, in milliseconds.</summary>
    const long LifetimeMs = 3_600_000;

    /// <summary>Most attempts for an address within a period in milliseconds.</summary>
    const long AttemptsMax = 5, AttemptsMs = 60_000;

    // Counted before the password is checked, so that concurrent attempts can't evade the limit. Successes count too: otherwise a
    // user of one portal could reset the count and continue guessing for the same address in another.
    public ValueTask<bool> MayTryAsync(string email) => registry.WriteAsync(
        opened =>
        {
            var now = Instant.Now(registry.Clock);
            using var forget = opened.Prepare("DELETE FROM sign_in_attempt WHERE since <= ?");
            forget.Bind(now - AttemptsMs).Run();
            using var count = opened.Prepare($"INSERT INTO sign_in_attempt VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET attempts = attempts + 1 WHERE attempts < {AttemptsMax} RETURNING 1");
            return count.Bind(Secrets.Hash(email.ToLowerInvariant())).Bind(now).Step(); // attempts beyond the limit are not written to disk
        },
        changesCallers: static _ => false);

    public ValueTask<string> StartAsync(IEnumerable<User> users) => registry.WriteAsync(
        opened =>
        {
            var now = Instant.Now(registry.Clock);
            using var prune = opened.Prepare("DELETE FROM session WHERE expires <= ?");
            prune.Bind(now).Run();
            var session = Secrets.NewOpaque();
            using var insert = opened.Prepare("INSERT INTO session SELECT ?, id, ? FROM user WHERE id = ? AND archived = 0");
            foreach (var user in users)
            {
                insert.Bind(Secrets.Hash(session)).Bind(now + LifetimeMs).Bind(user.Id).Run();
            }

            return session;
        },
        changesCallers: static _ => false);

    public ValueTask<ImmutableArray<User>> FindAsync(string session, CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare($"{UserTables.Select} WHERE id IN (SELECT user FROM session WHERE hash = ? AND expires > ?) ORDER BY portal");
        select.Bind(Secrets.Hash(session)).Bind(Instant.Now(registry.Clock));
        var users = ImmutableArray.CreateBuilder<User>();
        while (select.Step())
        {
            users.Add(UserTables.ToUser(select));
        }

        return users.DrainToImmutable();
    });

    public ValueTask EndAsync(string session)
    {
        registry.Write(
            opened =>
            {
                using var delete = opened.Prepare("DELETE FROM session WHERE hash = ?");
                delete.Bind(Secrets.Hash(session)).Run();
                return true;
            },
            changesCallers: static _ => false);
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends all sessions of a user.</summary>
    public static void EndAll(Connection opened, long userId)
    {
        using var delete = opened.Prepare("DELETE FROM session WHERE user = ?");
        delete.Bind(userId).Run();
    }
}
