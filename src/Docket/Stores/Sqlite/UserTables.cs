using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Users in the registry.</summary>
internal sealed class UserTables(Registry registry) : IUsers
{
    /// <summary>Id of the first user, with as many digits as HubSpot's user ids.</summary>
    const long FirstUser = 88_000_001;

    public const string Select = "SELECT id, portal, email, first_name, last_name, created, updated, archived, password FROM user";

    public ValueTask<User?> AddAsync(long portalId, string email, string firstName, string lastName) => registry.WriteAsync(opened =>
    {
        using var insert = opened.Prepare("""
            INSERT INTO user (id, portal, email, first_name, last_name, created, updated)
            SELECT (SELECT coalesce(max(id) + 1, ?) FROM user), ?, ?, ?, ?, ?, ? WHERE true ON CONFLICT DO NOTHING RETURNING id
            """);
        var now = Instant.Now(registry.Clock);
        return insert.Bind(FirstUser).Bind(portalId).Bind(email).Bind(firstName).Bind(lastName).Bind(now).Bind(now).Step() ? Read(opened, portalId, insert.Integer(0)) : null;
    });

    public ValueTask<ImmutableArray<User>> ListAsync(long? portalId, CancellationToken cancellation) => registry.ReadAsync(opened => List(opened, portalId));

    /// <summary>Lists the users of a portal, or of all portals, in order of id.</summary>
    public static ImmutableArray<User> List(Connection opened, long? portalId)
    {
        using var select = opened.Prepare($"{Select} WHERE portal = coalesce(?, portal) ORDER BY id");
        select.Bind(portalId);
        var users = ImmutableArray.CreateBuilder<User>();
        while (select.Step())
        {
            users.Add(ToUser(select));
        }

        return users.DrainToImmutable();
    }

    public ValueTask<User?> FindAsync(long portalId, long id, CancellationToken cancellation) => registry.ReadAsync(opened => Read(opened, portalId, id));

    public ValueTask<User?> ChangeAsync(long portalId, long id, UserChange change) => registry.WriteAsync(opened =>
    {
        if (Read(opened, portalId, id) is not { } user)
        {
            return null;
        }

        if (change.Archived == true)
        {
            SessionTables.EndAll(opened, id);
        }

        using var update = opened.Prepare("UPDATE OR IGNORE user SET email = ?, first_name = ?, last_name = ?, archived = ?, updated = ? WHERE id = ? RETURNING id");
        return update.Bind(change.Email ?? user.Email).Bind(change.FirstName ?? user.FirstName).Bind(change.LastName ?? user.LastName)
            .Bind(change.Archived ?? user.Archived ? 1 : 0).Bind(Instant.Now(registry.Clock)).Bind(id).Step() ? Read(opened, portalId, id) : null;
    });

    public ValueTask<bool> SetPasswordAsync(long portalId, long id, string passwordHash) => registry.WriteAsync(opened =>
    {
        using var update = opened.Prepare("UPDATE user SET password = ? WHERE portal = ? AND id = ? RETURNING id");
        if (!update.Bind(passwordHash).Bind(portalId).Bind(id).Step())
        {
            return false;
        }

        SessionTables.EndAll(opened, id); // sessions with the old password must not continue
        return true;
    });

    public ValueTask<ImmutableArray<(User User, string PasswordHash)>> FindSignInsAsync(string email, CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare($"{Select} WHERE email = ? AND archived = 0 AND password IS NOT NULL ORDER BY portal");
        select.Bind(email);
        var found = ImmutableArray.CreateBuilder<(User, string)>();
        while (select.Step())
        {
            found.Add((ToUser(select), select.Text(8)));
        }

        return found.DrainToImmutable();
    });

    // The first 38 characters of the base64 text contain the head and the salt: 13 and 16 bytes (Access/Passwords.cs).
    public ValueTask<int> CountSaltsAsync(CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare("SELECT coalesce(max(salts), 1) FROM (SELECT count(DISTINCT substr(password, 1, 38)) AS salts FROM user WHERE archived = 0 AND password IS NOT NULL GROUP BY email)");
        select.Step();
        return (int)select.Integer(0);
    });

    static User? Read(Connection opened, long portalId, long id)
    {
        using var select = opened.Prepare($"{Select} WHERE portal = ? AND id = ?");
        return select.Bind(portalId).Bind(id).Step() ? ToUser(select) : null;
    }

    public static User ToUser(Statement row) =>
        new(row.Integer(0), row.Integer(1), row.Text(2), row.Text(3), row.Text(4), row.Integer(5), row.Integer(6), row.Integer(7) != 0);
}
