using System.Globalization;

namespace Docket.Testing;

/// <summary>The time of the portal. Its records, histories, tokens, limits and jobs follow it.</summary>
public sealed class TestClock
{
    const string Path = "docket/v1/clock";

    readonly Kit kit;

    internal TestClock(Kit kit) => this.kit = kit;

    /// <summary>Reads the time.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    public async Task<DateTimeOffset> ReadAsync(CancellationToken cancellation = default) => (await kit.CallAsync<State>(HttpMethod.Get, Path, null, cancellation)).Now;

    /// <summary>Sets the time.</summary>
    /// <param name="now">The time; not before the newest change of the portal.</param>
    /// <param name="frozen">Whether the clock stands still from then on; unchanged if <c>null</c>.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">The portal was changed after this time.</exception>
    public Task SetAsync(DateTimeOffset now, bool? frozen = null, CancellationToken cancellation = default) =>
        ChangeAsync(new { now = now.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture), frozen }, cancellation);

    /// <summary>Moves the time.</summary>
    /// <param name="by">By how much.</param>
    /// <param name="cancellation">Cancels the call.</param>
    public Task AdvanceAsync(TimeSpan by, CancellationToken cancellation = default) =>
        ChangeAsync(new { advance = ((long)Math.Ceiling(by.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture) }, cancellation);

    /// <summary>Stops the time, or lets it run again.</summary>
    /// <param name="frozen">Whether it stands still.</param>
    /// <param name="cancellation">Cancels the call.</param>
    public Task FreezeAsync(bool frozen = true, CancellationToken cancellation = default) => ChangeAsync(new { frozen }, cancellation);

    /// <summary>Returns to the time of the server.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">The portal was changed after this time.</exception>
    public Task ResetAsync(CancellationToken cancellation = default) => kit.SendAsync(HttpMethod.Delete, Path, null, cancellation);

    Task ChangeAsync(object change, CancellationToken cancellation) => kit.SendAsync(HttpMethod.Put, Path, change, cancellation);

    sealed record State(DateTimeOffset Now);
}
