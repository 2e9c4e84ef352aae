namespace Docket.Stores.Control;

/// <summary>
/// The database of the control plane: portals with their settings, apps, users, grants, sessions and usage. Its SQL is the same
/// for every engine; an engine opens and upgrades the database, and translates its errors.
/// </summary>
internal interface IControlDatabase
{
    PortalClocks Clocks { get; }

    /// <summary>Reads.</summary>
    /// <exception cref="Model.Refusal">The database can't be read now.</exception>
    ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read, CancellationToken cancellation);

    /// <summary>Writes in one transaction; no two at the same time, whatever the process.</summary>
    /// <param name="write">The change. Awaits only the connection.</param>
    /// <param name="changesCallers">Whether a result invalidates cached callers and settings; by default, it does.</param>
    /// <exception cref="Model.Refusal">The database can't be written now.</exception>
    ValueTask<T> WriteAsync<T>(Func<ControlConnection, ValueTask<T>> write, Predicate<T>? changesCallers = null);
}
