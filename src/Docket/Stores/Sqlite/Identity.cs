using Docket.Sqlite;
namespace Docket.Stores.Sqlite;

/// <summary>The identity of a portal's file.</summary>
/// <param name="File">Created once, at random. Copies have the same, but <see cref="Backup.Restore"/> gives a new one: what it restores is of an earlier time.</param>
/// <param name="Portal">The portal; <c>null</c> if the file belongs to none yet.</param>
/// <param name="Registry">The identity of the <c>docket.db</c> that lists the portal.</param>
internal sealed record Identity(string File, long? Portal, string? Registry)
{
    /// <summary>Reads the identity of a portal's file.</summary>
    public static Identity Of(Connection file)
    {
        using var select = file.Prepare("SELECT file, portal, registry FROM identity");
        return select.Step() ? new(select.Text(0), select.IsNull(1) ? null : select.Integer(1), select.IsNull(2) ? null : select.Text(2))
            : throw new InvalidOperationException("its identity is missing");
    }

    /// <summary>Assigns a copy of a file to a portal: its history is another one.</summary>
    public static Identity Renew(Connection file, long portal, string registry)
    {
        using (var update = file.Prepare("UPDATE identity SET file = lower(hex(randomblob(16))), portal = ?, registry = ?"))
        {
            update.Bind(portal).Bind(registry).Run();
        }

        return Of(file);
    }

    /// <summary>Assigns a file to a portal, and returns its new identity.</summary>
    public Identity Claim(Connection file, long portal, string registry)
    {
        using var update = file.Prepare("UPDATE identity SET portal = ?, registry = ?");
        update.Bind(portal).Bind(registry).Run();
        return this with { Portal = portal, Registry = registry };
    }
}
