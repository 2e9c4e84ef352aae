using System.Collections.Immutable;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>The optional features that an endpoint supports.</summary>
internal sealed record TakesFeatures(OptionalFeatures Features);

/// <summary>Reads the request headers for optional features, and confirms them in the answer (docs/optional-features.md).</summary>
internal static class FeatureHeaders
{
    /// <summary>Lists the inputs of a batch that were folded into a later one.</summary>
    public const string Folded = "Docket-Folded";

    const string Prefix = "Docket-", Applied = "Docket-Applied";

    static readonly ImmutableArray<(string Name, OptionalFeatures Feature)> Names =
    [
        ("Row-Outcomes", OptionalFeatures.RowOutcomes),
        ("Fold-Duplicates", OptionalFeatures.FoldDuplicates),
        ("Dry-Run", OptionalFeatures.DryRun),
        ("All-Properties", OptionalFeatures.AllProperties),
        ("Labels", OptionalFeatures.Labels),
        ("Shuffle", OptionalFeatures.Shuffle),
        ("Associations", OptionalFeatures.Associations),
    ];

    /// <summary>The optional features that a request asks for and its endpoint supports.</summary>
    /// <param name="http">The request; its answer gets the confirmation.</param>
    /// <param name="taken">The features that the endpoint supports; the others are ignored.</param>
    /// <param name="writes">Whether the endpoint writes: then a dry run must not be ignored.</param>
    /// <exception cref="Refusal">400 for an unknown header or value, and for a dry run if the endpoint doesn't support it.</exception>
    public static OptionalFeatures Read(HttpContext http, OptionalFeatures taken, bool writes)
    {
        var asked = OptionalFeatures.None;
        // All headers are checked: a misspelled Docket-Dry-Run would otherwise write.
        foreach (var (name, value) in http.Request.Headers)
        {
            if (name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                asked |= Parse(name, value.ToString());
            }
        }

        if (writes && asked.HasFlag(OptionalFeatures.DryRun) && !taken.HasFlag(OptionalFeatures.DryRun))
        {
            throw new Refusal(Faults.NoDryRun());
        }

        var applied = asked & taken;
        if (applied != OptionalFeatures.None)
        {
            Confirm(http.Response, applied);
        }

        return applied;
    }

    /// <summary>Lists the features that are used, in the answer, instead of those listed before.</summary>
    public static void Confirm(HttpResponse response, OptionalFeatures applied) =>
        response.Headers[Applied] = applied == OptionalFeatures.None ? default : string.Join(", ", Names.Where(entry => applied.HasFlag(entry.Feature)).Select(entry => entry.Name.ToLowerInvariant()));

    /// <summary>Declares the features that routes support.</summary>
    public static TBuilder Takes<TBuilder>(this TBuilder endpoint, OptionalFeatures features)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TakesFeatures(features));

    static OptionalFeatures Parse(string header, string value)
    {
        foreach (var (name, feature) in Names)
        {
            if (header.AsSpan(Prefix.Length).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return bool.TryParse(value, out var on) ? on ? feature : OptionalFeatures.None : throw new Refusal(Faults.BadFeature(Prefix + name, value));
            }
        }

        throw new Refusal(Faults.UnknownFeature(header, Names.Select(entry => Prefix + entry.Name)));
    }
}
