using Docket.Sqlite;
namespace Docket.Stores.Sqlite;

/// <summary>Whose file a portal's file is.</summary>
/// <param name="File">Made once, at random. Copies have it too: a backup in the file's place is the same file at an earlier time.</param>
/// <param name="Portal">The portal; <c>null</c> while the file belongs to nobody.</param>
/// <param name="Registry">The identity of the <c>docket.db</c> that lists the portal.</param>
internal sealed record Identity(string File, long? Portal, string? Registry)
{
    /// <summary>The identity that a portal's file holds.</summary>
    public static Identity Of(Connection file)
    {
        using var select = file.Prepare("SELECT file, portal, registry FROM identity");
        return select.Step() ? new(select.Text(0), select.IsNull(1) ? null : select.Integer(1), select.IsNull(2) ? null : select.Text(2))
            : throw new InvalidOperationException("its identity is missing");
    }

    /// <summary>Makes a file that of a portal, and gives its identity afterwards.</summary>
    public Identity Claim(Connection file, long portal, string registry)
    {
        using var update = file.Prepare("UPDATE identity SET portal = ?, registry = ?");
        update.Bind(portal).Bind(registry).Run();
        return this with { Portal = portal, Registry = registry };
    }
}
