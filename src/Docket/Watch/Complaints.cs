using Docket.Model;

namespace Docket.Watch;

/// <summary>Limits repeated log entries: each kind of failure is logged at once, and then at most once a minute.</summary>
internal sealed class Complaints(TimeProvider clock)
{
    const long EveryMs = 60_000;

    readonly Dictionary<string, (long Since, int Held)> kinds = [];

    /// <summary>Counts a failure, and returns the text to append to its log entry, or <c>null</c> if it must not be logged now.</summary>
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
