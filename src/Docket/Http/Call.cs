using System.Collections.Immutable;
using System.Globalization;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.Http;

/// <summary>The context of a request after its token was checked: caller, object type and portal. Not thread-safe.</summary>
/// <param name="Caller">The caller.</param>
/// <param name="Store">The portal's store.</param>
/// <param name="TypeName">The object type in the path; <c>null</c> if there is none.</param>
/// <param name="Clock">The time.</param>
internal sealed record Call(Caller Caller, IStore Store, string? TypeName, TimeProvider Clock)
{
    PortalSchema? portal;
    Schema? schema;

    /// <summary>The portal's schema, taken once for the whole request.</summary>
    public PortalSchema Portal => portal ??= Store.Schema;

    /// <summary>The schema of the object type, or of the first type if the path has none.</summary>
    /// <exception cref="Refusal">400: the type doesn't exist.</exception>
    public Schema Schema => schema ??= TypeName is null ? Portal.First : Portal.Find(TypeName) ?? throw new Refusal(Faults.UnknownObjectType(TypeName));

    /// <inheritdoc cref="Schema"/>
    public ObjectType Type => Schema.Type;

    /// <summary>The same request as one for records of another type.</summary>
    public Call Of(Schema other) => this with { TypeName = other.Type.Plural, schema = other };

    /// <summary>The version of HubSpot's paths.</summary>
    public ApiVersion Version { get; init; } = ApiVersion.V3;

    /// <summary>The optional features of the request.</summary>
    public OptionalFeatures Features { get; set; }

    /// <summary>The source of randomness for <see cref="OptionalFeatures.Shuffle"/>.</summary>
    public required Random Random { get; init; }

    /// <summary>When the request was accepted, milliseconds since 1970.</summary>
    public long StartedAt { get; } = Instant.Now(Clock);

    /// <summary>Milliseconds since 1970.</summary>
    public long Now => Instant.Now(Clock);

    /// <summary>The time as of which the portal shows associations if they lag, milliseconds since 1970; <c>null</c> for now.</summary>
    public long? TiesAsOf => Caller.Settings.AssociationLagMs is > 0 and var lag ? Now - lag : null;

    /// <summary>The order of a batch's results: random, like HubSpot's, if the request or the portal asks for it; otherwise <c>null</c>, for that of the inputs.</summary>
    public int[]? ResultOrder(int count)
    {
        if (!Features.HasFlag(OptionalFeatures.Shuffle) && !Caller.Settings.Shuffle)
        {
            return null;
        }

        int[] order = [.. Enumerable.Range(0, count)];
        Random.Shuffle(order);
        return order;
    }
}

/// <summary>Data of a request while it is served.</summary>
internal static class HttpContextExtensions
{
    /// <summary>The call, for endpoints that need a token (set by <c>Access/Authentication.cs</c>).</summary>
    public static Call Call(this HttpContext http) => http.Features.GetRequiredFeature<Call>();

    /// <summary>Whether a query parameter is <c>true</c>; no other value counts, not even <c>1</c> (reference/objects-and-batch.md 4.6).</summary>
    public static bool QueryFlag(this HttpContext http, string parameter) => bool.TryParse(http.Request.Query[parameter], out var flag) && flag;

    /// <summary>The names in a query parameter: separated by commas, or in repeated parameters (reference/objects-and-batch.md 4.3).</summary>
    public static ImmutableArray<string> QueryNames(this HttpContext http, string parameter) =>
        [.. http.Request.Query[parameter].SelectMany(names => (names ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    /// <summary>A number in a query parameter, digits only; <c>null</c> if it is missing.</summary>
    /// <exception cref="Refusal">400 for anything else.</exception>
    public static long? QueryNumber(this HttpContext http, string parameter)
    {
        var text = http.Request.Query[parameter].ToString();
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new Refusal(Faults.BadParameter(parameter));
    }

    /// <summary>The page size in <c>limit</c>, 1 to <paramref name="max"/>, or <paramref name="unset"/> if it is missing.</summary>
    /// <exception cref="Refusal">400 if it is out of range.</exception>
    public static int QueryLimit(this HttpContext http, int unset, int max)
    {
        var text = http.Request.Query["limit"].ToString();
        return text.Length == 0 ? unset
            : !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var limit) ? throw new Refusal(Faults.BadParameter("limit"))
            : limit < 1 ? throw new Refusal(Faults.LimitTooLow())
            : limit > max ? throw new Refusal(Faults.LimitTooHigh(max))
            : (int)limit;
    }

    /// <summary>
    /// The last segment of the path, or the one <paramref name="before"/> places before it, as the client meant it: a percent-encoded slash
    /// is part of the value.
    /// </summary>
    public static string LastPathSegment(this HttpContext http, int before = 0)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var end = target.IndexOfAny(['?', '#']);
        var path = (end < 0 ? target : target[..end]).TrimEnd('/');
        return Uri.UnescapeDataString(path.Split('/')[^(before + 1)]);
    }
}
