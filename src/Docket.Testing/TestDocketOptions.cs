namespace Docket.Testing;

/// <summary>What a test wants from its Docket.</summary>
public sealed record TestDocketOptions
{
    /// <summary>The name of the portal; only for lists of portals.</summary>
    public string? Name { get; init; }

    /// <summary>The token of the portal; by default a random one.</summary>
    public string? Token { get; init; }

    /// <summary>The id of a snapshot, whose records, definitions and settings the portal gets: see <see cref="TestDocket.TakeSnapshotAsync"/>.</summary>
    public string? Snapshot { get; init; }

    /// <summary>The content of a seed file, as JSON, with which the portal begins.</summary>
    public string? Seed { get; init; }

    /// <summary>
    /// Listen on a free port of 127.0.0.1, so that other processes can call <see cref="TestDocket.Url"/>. By default there is no port, and only
    /// <see cref="TestDocket.HttpClient"/> and <see cref="TestDocket.Handler"/> reach the server.
    /// </summary>
    public bool WithPort { get; init; }
}
