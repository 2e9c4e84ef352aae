using System.Collections.Immutable;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>Names the helps that mean something to an endpoint.</summary>
internal sealed record TakesHelps(Help Helps);

/// <summary>Reads the request headers by which a client opts into helps, and confirms them (docs/optional-features.md).</summary>
internal static class HelpHeaders
{
    /// <summary>Tells which inputs of a batch went into a later one.</summary>
    public const string Folded = "Docket-Folded";

    const string Prefix = "Docket-", Applied = "Docket-Applied";

    static readonly ImmutableArray<(string Name, Help Help)> Names =
    [
        ("Row-Outcomes", Help.RowOutcomes),
        ("Fold-Duplicates", Help.FoldDuplicates),
        ("Dry-Run", Help.DryRun),
        ("All-Properties", Help.AllProperties),
        ("Labels", Help.Labels),
        ("Shuffle", Help.Shuffle),
    ];

    /// <summary>The helps that a request asks for and its endpoint takes.</summary>
    /// <param name="http">The request; its answer gets the confirmation.</param>
    /// <param name="taken">What the endpoint takes; the rest is meaningless to it and passed over.</param>
    /// <param name="writes">Whether the endpoint writes: then a dry run is not passed over.</param>
    /// <exception cref="Refusal">400 for an unknown header or value, and for a dry run of what can only be done.</exception>
    public static Help Read(HttpContext http, Help taken, bool writes)
    {
        var asked = Help.None;
        // All headers are looked at: a misspelt Docket-Dry-Run would otherwise write.
        foreach (var (name, value) in http.Request.Headers)
        {
            if (name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                asked |= Parse(name, value.ToString());
            }
        }

        if (writes && asked.HasFlag(Help.DryRun) && !taken.HasFlag(Help.DryRun))
        {
            throw new Refusal(Faults.NoDryRun());
        }

        var applied = asked & taken;
        if (applied != Help.None)
        {
            Confirm(http.Response, applied);
        }

        return applied;
    }

    /// <summary>Names the helps that are heeded in the answer, instead of those it named before.</summary>
    public static void Confirm(HttpResponse response, Help heeded) =>
        response.Headers[Applied] = heeded == Help.None ? default : string.Join(", ", Names.Where(entry => heeded.HasFlag(entry.Help)).Select(entry => entry.Name.ToLowerInvariant()));

    /// <summary>Lets routes say which helps they take.</summary>
    public static TBuilder Takes<TBuilder>(this TBuilder endpoint, Help helps)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TakesHelps(helps));

    static Help Parse(string header, string value)
    {
        foreach (var (name, help) in Names)
        {
            if (header.AsSpan(Prefix.Length).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return bool.TryParse(value, out var on) ? on ? help : Help.None : throw new Refusal(Faults.BadHelp(Prefix + name, value));
            }
        }

        throw new Refusal(Faults.UnknownHelp(header, Names.Select(entry => Prefix + entry.Name)));
    }
}
