using Docket.Model;

namespace Docket.TestKit;

/// <summary>A fault that calls of a portal meet.</summary>
/// <param name="Id">Its id in the portal.</param>
/// <param name="Preset">The preset that it is part of, if any.</param>
/// <param name="Match">Which calls.</param>
/// <param name="Answer">What they meet.</param>
/// <param name="Times">It ends after so many calls have met it; <c>null</c> for never.</param>
/// <param name="ForMs">It ends after so many milliseconds; <c>null</c> for never.</param>
/// <param name="CreatedAt">Milliseconds since 1970, on the portal's clock.</param>
internal sealed record FaultRule(string Id, string? Preset, CallMatch Match, FaultEffect Answer, int? Times, int? ForMs, long CreatedAt)
{
    /// <summary>How many calls matched, whether they met it or not.</summary>
    public long Matched { get; init; }

    /// <summary>How many calls met it.</summary>
    public long Fired { get; init; }

    /// <summary>Whether calls can still meet it.</summary>
    public bool IsActive(long now) => !(Fired >= Times) && !(now - CreatedAt >= ForMs) && !(Matched >= Match.Call);

    /// <summary>Whether a call that matches as the one with this number meets the fault.</summary>
    public bool Chooses(long number) => (Match.Call is null || Match.Call == number) && (Match.Probability is not { } share || Draw(Match.Seed, number) < share);

    // A number from 0 to 1 (SplitMix64). No generator with a state: the same seed and number always give the same.
    static double Draw(long seed, long number)
    {
        var mixed = ((ulong)seed * 0x9E3779B97F4A7C15) + ((ulong)number * 0xD1B54A32D192ED03);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return ((mixed ^ (mixed >> 31)) >> 11) / (double)(1UL << 53);
    }
}

/// <summary>The faults of one portal, in the order in which they were added. A call meets the first that chooses it. Thread-safe.</summary>
internal sealed class FaultRules
{
    /// <summary>The most faults of a portal.</summary>
    public const int RulesMax = 100;

    readonly Lock gate = new();
    FaultRule[] rules = [];
    int lastId;

    /// <summary>Whether a rule depends on bodies.</summary>
    public bool ReadBodies => Array.Exists(Volatile.Read(ref rules), rule => rule.Match.Body is not null || rule.Answer.FailRows is not null);

    public FaultRule[] All => Volatile.Read(ref rules);

    /// <summary>Adds faults, which get their ids here.</summary>
    /// <exception cref="Refusal">There are too many.</exception>
    public FaultRule[] Add(IReadOnlyCollection<FaultRule> added)
    {
        lock (gate)
        {
            if (rules.Length + added.Count > RulesMax)
            {
                throw new Refusal(Faults.TooManyFaults(RulesMax));
            }

            FaultRule[] numbered = [.. added.Select(rule => rule with { Id = (++lastId).ToString() })];
            rules = [.. rules, .. numbered];
            return numbered;
        }
    }

    /// <summary>Removes those that <paramref name="which"/> chooses, and gives their number.</summary>
    public int Remove(Predicate<FaultRule> which)
    {
        lock (gate)
        {
            var before = rules.Length;
            rules = Array.FindAll(rules, rule => !which(rule));
            return before - rules.Length;
        }
    }

    /// <summary>The fault that a call meets; <c>null</c> for none.</summary>
    public FaultRule? Next(CallFacts call, PortalSchema portal, long now)
    {
        lock (gate)
        {
            for (var i = 0; i < rules.Length; i++)
            {
                if (rules[i] is var rule && rule.IsActive(now) && rule.Match.Matches(call, portal))
                {
                    var meets = rule.Chooses(rule.Matched + 1);
                    rules[i] = rule with { Matched = rule.Matched + 1, Fired = rule.Fired + (meets ? 1 : 0) };
                    if (meets)
                    {
                        return rule;
                    }
                }
            }

            return null;
        }
    }
}
