using System.Collections.Immutable;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>The optional features that an endpoint supports.</summary>
internal sealed record TakesHelps(Help Helps);

/// <summary>Reads the request headers for optional features, and confirms them in the answer (docs/optional-features.md).</summary>
internal static class HelpHeaders
{
    /// <summary>Lists the inputs of a batch that were folded into a later one.</summary>
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

    /// <summary>The optional features that a request asks for and its endpoint supports.</summary>
    /// <param name="http">The request; its answer gets the confirmation.</param>
    /// <param name="taken">The features that the endpoint supports; the others are ignored.</param>
    /// <param name="writes">Whether the endpoint writes: then a dry run must not be ignored.</param>
    /// <exception cref="Refusal">400 for an unknown header or value, and for a dry run if the endpoint doesn't support it.</exception>
    public static Help Read(HttpContext http, Help taken, bool writes)
    {
        var asked = Help.None;
        // All headers are checked: a misspelled Docket-Dry-Run would otherwise write.
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

    /// <summary>Lists the features that are used, in the answer, instead of those listed before.</summary>
    public static void Confirm(HttpResponse response, Help heeded) =>
        response.Headers[Applied] = heeded == Help.None ? default : string.Join(", ", Names.Where(entry => heeded.HasFlag(entry.Help)).Select(entry => entry.Name.ToLowerInvariant()));

    /// <summary>Declares the features that routes support.</summary>
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
