using System.Collections.Immutable;

namespace Docket.TestKit;

/// <summary>Faults by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Description">What happens.</param>
/// <param name="Rules">The faults; the seed is added.</param>
internal sealed record FaultPreset(string Name, string Description, ImmutableArray<(CallMatch Match, FaultEffect Answer, int? Times)> Rules)
{
    static readonly string[] Writes = ["POST", "PATCH", "PUT", "DELETE"], BatchWrites = ["**/batch/upsert", "**/batch/create", "**/batch/update"];

    public static readonly ImmutableArray<FaultPreset> All =
    [
        new("rate-limited", "Three of ten calls are refused with 429.", [(Share(0.3), new() { Status = 429 }, null)]),
        new("flaky-gateway", "One call in four is answered with a page of HTML: 502, 503 or 504.", [(Share(0.1), new() { Status = 502 }, null), (Share(0.08), new() { Status = 503 }, null), (Share(0.1), new() { Status = 504 }, null)]),
        new("lost-answers", "Three of ten calls that are no GET are carried out, but the connection is cut before the answer.", [.. Writing(0.3).Select(match => (match, new FaultEffect { Cut = FaultEffect.After }, (int?)null))]),
        new("expired-token", "The next call is refused with 401, as if its token had just expired.", [(new(), new() { Status = 401 }, 1)]),
        new("slow", "Half of the calls wait for 400 ms, and are answered with 20 kB a second.", [(Share(0.5), new() { Delay = 400, BytesPerSecond = 20_000 }, null)]),
        new("partial-batches", "In half of the batches that write, the first row fails (207).", [.. BatchWrites.Select(path => (Share(0.5, path), new FaultEffect { FailRows = [0] }, (int?)null))]),
        new("lost-rows", "In three of ten answers to batch reads, the first row is missing.", [(Share(0.3, "**/batch/read"), new() { DropRows = [0] }, null)]),
        new("stale-search", "Searches don't find what was written in the last five seconds.", [(new() { Path = "**/search" }, new() { Lag = 5_000 }, null)]),
        new("hubspot-bad-day", "Some of everything: 429, 502, 504, slow answers, answers that are lost after the write, and searches that don't find what was written in the last two seconds.",
        [
            (Share(0.1), new() { Status = 429 }, null),
            (Share(0.04), new() { Status = 502 }, null),
            (Share(0.03), new() { Status = 504, Delay = 300 }, null),
            .. Writing(0.05).Select(match => (match, new FaultEffect { Cut = FaultEffect.After }, (int?)null)),
            (Share(0.1), new() { Delay = 300, BytesPerSecond = 50_000 }, null),
            (new() { Path = "**/search" }, new() { Lag = 2_000 }, null),
        ]),
    ];

    static CallMatch Share(double share, string? path = null) => new() { Probability = share, Path = path };

    static IEnumerable<CallMatch> Writing(double share) => Writes.Select(method => new CallMatch { Method = method, Probability = share });
}
