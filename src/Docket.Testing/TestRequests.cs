namespace Docket.Testing;

/// <summary>The last calls of the portal on HubSpot's paths.</summary>
public sealed class TestRequests
{
    const string Path = "docket/v1/requests";

    readonly Kit kit;

    internal TestRequests(Kit kit) => this.kit = kit;

    /// <summary>The calls, newest first.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    public async Task<IReadOnlyList<LoggedRequest>> ListAsync(CancellationToken cancellation = default) => (await kit.CallAsync<Page<LoggedRequest>>(HttpMethod.Get, Path, null, cancellation)).Results;

    /// <summary>Returns the calls that match if there are as many as expected.</summary>
    /// <param name="match">Which calls.</param>
    /// <param name="times">How many; by default at least one.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">There are fewer or more. The message names those that are nearest, and in what they differ.</exception>
    public async Task<IReadOnlyList<LoggedRequest>> ExpectAsync(CallMatch match, int? times = null, CancellationToken cancellation = default) =>
        (await kit.CallAsync<Page<LoggedRequest>>(HttpMethod.Post, Path + "/expect", new { match, times }, cancellation)).Results;

    /// <summary>Empties the log.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    public Task ClearAsync(CancellationToken cancellation = default) => kit.SendAsync(HttpMethod.Delete, Path, null, cancellation);
}

/// <summary>A call in the log of a portal.</summary>
/// <param name="Number">Counts the calls of the portal.</param>
/// <param name="Time">When it came, on the portal's clock.</param>
/// <param name="Method">The method.</param>
/// <param name="Path">The path without the query.</param>
/// <param name="Query">The query; tokens and secrets are replaced.</param>
/// <param name="Status">The status of the answer.</param>
/// <param name="Body">The start of the body.</param>
/// <param name="Answer">The start of the answer's body.</param>
/// <param name="Fault">The fault that it met.</param>
/// <param name="BeyondLimit">The limit of HubSpot's that would have refused it.</param>
public sealed record LoggedRequest(long Number, DateTimeOffset Time, string Method, string Path, string Query, int Status, string? Body, string? Answer, string? Fault, string? BeyondLimit);
