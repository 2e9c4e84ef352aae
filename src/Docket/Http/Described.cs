using System.ComponentModel;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace Docket.Http;

/// <summary>
/// Says in the OpenAPI document what a route takes and answers. Handlers read requests themselves, because the errors and their
/// order are HubSpot's, so the framework can't see it there.
/// </summary>
internal static class Described
{
    /// <summary>Describes a route by a signature.</summary>
    /// <param name="route">The route.</param>
    /// <param name="id">What a generated client calls it.</param>
    /// <param name="summary">What it does.</param>
    /// <param name="signature">A function with the parameters, the body and the answer of the route. It is never called.</param>
    /// <param name="status">The status of a success.</param>
    /// <param name="contentType">What the answer is written in.</param>
    public static TBuilder Describe<TBuilder>(this TBuilder route, string id, string summary, Delegate signature, int status = StatusCodes.Status200OK, string contentType = "application/json")
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(
        [
            signature.Method,
            .. signature.Method.GetParameters().Select(parameter => new Parameter(parameter)),
            new OperationId(id),
            new EndpointSummaryAttribute(summary),
            new ProducesResponseTypeMetadata(status, signature.Method.ReturnType, [contentType]),
        ]);

    sealed record Parameter(ParameterInfo ParameterInfo) : IParameterBindingMetadata
    {
        public string Name => ParameterInfo.Name!;

        public bool HasTryParse => ParameterInfo.ParameterType is var type && ((Nullable.GetUnderlyingType(type) ?? type).IsPrimitive || type == typeof(string));

        public bool HasBindAsync => false;

        public bool IsOptional => ParameterInfo.HasDefaultValue;
    }
}

/// <summary>What a generated client calls an operation. Not the name of the endpoint: HubSpot's versions map some routes more than once.</summary>
internal sealed record OperationId(string Value);

/// <summary>What else a route answers with, when a request accepts it.</summary>
/// <param name="ContentType">Of the answer.</param>
/// <param name="Schema">The name of its schema in the document.</param>
internal sealed record OtherAnswer(string ContentType, string Schema);

/// <summary>All of a list, as the OpenAPI document shows it.</summary>
internal sealed record ListAnswer<T>(T[] Results);

/// <summary>A page of a list, as the OpenAPI document shows it.</summary>
internal sealed record PageAnswer<T>(T[] Results, [property: Description("Absent on the last page.")] PagingAnswer? Paging = null);

/// <summary>Where the next page is.</summary>
internal sealed record PagingAnswer(NextPageAnswer Next);

/// <summary>The next page.</summary>
internal sealed record NextPageAnswer(
    [property: Description("The value of after for it.")] string After,
    [property: Description("The whole URL.")] string? Link = null);

/// <summary>Texts by name, some of which are not set.</summary>
internal sealed class TextsOrNull : Dictionary<string, string?>;

/// <summary>HubSpot's envelope for errors, as <see cref="Wire.WriteError"/> writes it.</summary>
internal sealed record ErrorAnswer(
    string Status,
    string Message,
    string? CorrelationId = null,
    ErrorDetailAnswer[]? Errors = null,
    Dictionary<string, string[]>? Context = null,
    Dictionary<string, string>? Links = null,
    string? Category = null,
    string? SubCategory = null);

/// <summary>One of several errors.</summary>
internal sealed record ErrorDetailAnswer(string Message, string? Code = null, string? SubCategory = null, Dictionary<string, string[]>? Context = null);

/// <summary>What was wrong with one input of many, as <see cref="BatchEnvelope.WriteError"/> writes it.</summary>
internal sealed record RowErrorAnswer(string Status, string Message, string? Category = null, string? SubCategory = null, Dictionary<string, string[]>? Context = null);
