using Docket.Model;

namespace Docket.Watch;

/// <summary>Keeps what fails with every request from filling the log: each kind of failure is due at once, and then once a minute.</summary>
internal sealed class Complaints(TimeProvider clock)
{
    const long EveryMs = 60_000;

    readonly Dictionary<string, (long Since, int Held)> kinds = [];

    /// <summary>Counts a failure, and gives what to add to its entry in the log; <c>null</c> when there is to be none now.</summary>
    public string? Due(string kind)
    {
        lock (kinds)
        {
            var now = Instant.Now(clock);
            if (kinds.TryGetValue(kind, out var last) && Math.Abs(now - last.Since) < EveryMs)
            {
                kinds[kind] = last with { Held = last.Held + 1 };
                return null;
            }

            kinds[kind] = (now, 0);
            return last.Held > 0 ? $" ({last.Held} more since the last entry)" : "";
        }
    }
}
