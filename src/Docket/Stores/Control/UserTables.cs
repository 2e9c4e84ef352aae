using System.Collections.Immutable;
using System.Data.Common;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Users.</summary>
internal sealed class UserTables(IControlDatabase database) : IUsers
{
    /// <summary>Id of the first user, with as many digits as HubSpot's user ids.</summary>
    const long FirstUser = 88_000_001;

    public const string Select = "SELECT id, portal, email, first_name, last_name, created, updated, archived, password FROM \"user\"";

    public ValueTask<User?> AddAsync(long portalId, string email, string firstName, string lastName) => database.WriteAsync(async opened =>
    {
        var id = await opened.FindAsync(
            row => (long?)row.GetInt64(0),
            """
            INSERT INTO "user" (id, portal, email, first_name, last_name, created, updated)
            SELECT (SELECT coalesce(max(id) + 1, @1) FROM "user"), @2, @3, @4, @5, @6, @6 WHERE true ON CONFLICT DO NOTHING RETURNING id
            """,
            FirstUser, portalId, email, firstName, lastName, database.Clocks.NowOf(portalId));
        return id is null ? null : await ReadAsync(opened, portalId, id.Value);
    });

    public ValueTask<ImmutableArray<User>> ListAsync(long? portalId, CancellationToken cancellation) => database.ReadAsync(opened => ListAsync(opened, portalId), cancellation);

    /// <summary>Lists the users of a portal, or of all portals, in order of id.</summary>
    public static ValueTask<ImmutableArray<User>> ListAsync(ControlConnection opened, long? portalId) => opened.ListAsync(ToUser, $"{Select} WHERE portal = coalesce(@1, portal) ORDER BY id", portalId);

    public ValueTask<User?> FindAsync(long portalId, long id, CancellationToken cancellation) => database.ReadAsync(opened => ReadAsync(opened, portalId, id), cancellation);

    public ValueTask<User?> ChangeAsync(long portalId, long id, UserChange change) => database.WriteAsync(async opened =>
    {
        if (await ReadAsync(opened, portalId, id) is not { } user)
        {
            return null;
        }

        if (change.Archived == true)
        {
            await SessionTables.EndAllAsync(opened, id);
        }

        var changed = await opened.RunAsync(
            """
            UPDATE "user" SET email = @1, first_name = @2, last_name = @3, archived = @4, updated = @5
            WHERE id = @6 AND NOT EXISTS (SELECT 1 FROM "user" AS other WHERE other.portal = "user".portal AND lower(other.email) = lower(@1) AND other.id <> "user".id)
            """,
            change.Email ?? user.Email, change.FirstName ?? user.FirstName, change.LastName ?? user.LastName, change.Archived ?? user.Archived ? 1 : 0, database.Clocks.NowOf(portalId), id);
        return changed == 0 ? null : await ReadAsync(opened, portalId, id);
    });

    public ValueTask<bool> SetPasswordAsync(long portalId, long id, string passwordHash) => database.WriteAsync(async opened =>
    {
        if (await opened.RunAsync("""UPDATE "user" SET password = @1 WHERE portal = @2 AND id = @3""", passwordHash, portalId, id) == 0)
        {
            return false;
        }

        await SessionTables.EndAllAsync(opened, id); // sessions with the old password must not continue
        return true;
    });

    public ValueTask<ImmutableArray<(User User, string PasswordHash)>> FindSignInsAsync(string email, CancellationToken cancellation) => database.ReadAsync(
        opened => opened.ListAsync(row => (ToUser(row), row.GetString(8)), $"{Select} WHERE lower(email) = lower(@1) AND archived = 0 AND password IS NOT NULL ORDER BY portal", email),
        cancellation);

    // The first 38 characters of the base64 text contain the head and the salt: 13 and 16 bytes (Access/Passwords.cs).
    public ValueTask<int> CountSaltsAsync(CancellationToken cancellation) => database.ReadAsync(
        opened => opened.FindAsync(
            row => (int)row.GetInt64(0),
            """
            SELECT coalesce(max(salts), 1)
            FROM (SELECT count(DISTINCT substr(password, 1, 38)) AS salts FROM "user" WHERE archived = 0 AND password IS NOT NULL GROUP BY lower(email)) AS counted
            """),
        cancellation);

    static ValueTask<User?> ReadAsync(ControlConnection opened, long portalId, long id) => opened.FindAsync(ToUser, $"{Select} WHERE portal = @1 AND id = @2", portalId, id);

    public static User ToUser(DbDataReader row) =>
        new(row.GetInt64(0), row.GetInt64(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetInt64(5), row.GetInt64(6), row.GetInt64(7) != 0);
}
