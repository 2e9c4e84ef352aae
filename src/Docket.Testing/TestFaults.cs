namespace Docket.Testing;

/// <summary>What goes wrong in the portal on purpose.</summary>
public sealed class TestFaults
{
    const string Path = "docket/v1/faults";

    readonly Kit kit;

    internal TestFaults(Kit kit) => this.kit = kit;

    /// <summary>Adds a fault.</summary>
    /// <param name="match">Which calls meet it.</param>
    /// <param name="answer">What they get.</param>
    /// <param name="times">It ends after so many calls.</param>
    /// <param name="duration">It ends after this time on the portal's clock.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">There is no such fault.</exception>
    public async Task<Fault> AddAsync(CallMatch match, FaultAnswer answer, int? times = null, TimeSpan? duration = null, CancellationToken cancellation = default) =>
        (await CreateAsync(new { match, answer, times, @for = (int?)duration?.TotalMilliseconds }, cancellation))[0];

    /// <summary>Adds the faults of a preset, such as <c>hubspot-bad-day</c>.</summary>
    /// <param name="preset">Its name; see the guide.</param>
    /// <param name="seed">With the same seed, a program that sends the same calls in the same order meets the same faults.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">There is no such preset.</exception>
    public Task<IReadOnlyList<Fault>> AddPresetAsync(string preset, int? seed = null, CancellationToken cancellation = default) => CreateAsync(new { preset, seed }, cancellation);

    /// <summary>The faults of the portal, also those that have ended.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    public async Task<IReadOnlyList<Fault>> ListAsync(CancellationToken cancellation = default) => (await kit.CallAsync<Page<Fault>>(HttpMethod.Get, Path, null, cancellation)).Results;

    /// <summary>Removes all faults.</summary>
    /// <param name="cancellation">Cancels the call.</param>
    public Task ClearAsync(CancellationToken cancellation = default) => kit.SendAsync(HttpMethod.Delete, Path, null, cancellation);

    async Task<IReadOnlyList<Fault>> CreateAsync(object fault, CancellationToken cancellation) => (await kit.CallAsync<Page<Fault>>(HttpMethod.Post, Path, fault, cancellation)).Results;
}

/// <summary>A fault of a portal.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Preset">The preset that it is part of.</param>
/// <param name="Matched">How many calls matched, whether they met it or not.</param>
/// <param name="Fired">How many calls met it.</param>
/// <param name="Active">Whether calls can still meet it.</param>
public sealed record Fault(string Id, string? Preset, long Matched, long Fired, bool Active);

/// <summary>What a call gets that meets a fault.</summary>
public sealed record FaultAnswer
{
    /// <summary>An error of HubSpot's in place of doing anything: 401 (the token has expired), 403, 409, 423, 429, 477, 500, or a page of HTML with 502, 503 or 504.</summary>
    public int? Status { get; init; }

    /// <summary>The limit in a 429: <c>TEN_SECONDLY_ROLLING</c>, <c>DAILY</c> or <c>SECONDLY</c>.</summary>
    public string? PolicyName { get; init; }

    /// <summary>Milliseconds to wait before anything is done.</summary>
    public int? Delay { get; init; }

    /// <summary>Cuts the connection in place of an answer: <c>before</c> anything is done, or <c>after</c> the call was carried out.</summary>
    public string? Cut { get; init; }

    /// <summary>The speed at which the answer is sent.</summary>
    public int? BytesPerSecond { get; init; }

    /// <summary>The indexes of rows of a batch that fail; the others are carried out.</summary>
    public IReadOnlyList<int>? FailRows { get; init; }

    /// <summary>The indexes of rows that are missing from <c>results</c>.</summary>
    public IReadOnlyList<int>? DropRows { get; init; }

    /// <summary>Rows that were changed less than so many milliseconds ago are missing from <c>results</c>.</summary>
    public int? Lag { get; init; }
}
