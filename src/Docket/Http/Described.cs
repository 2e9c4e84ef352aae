using System.ComponentModel;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace Docket.Http;

/// <summary>
/// Describes the parameters and answers of a route in the OpenAPI document. Handlers read requests themselves, because errors and their
/// order are HubSpot's, so the framework can't derive the description.
/// </summary>
internal static class Described
{
    /// <summary>Describes a route by a signature.</summary>
    /// <param name="route">The route.</param>
    /// <param name="id">The name of the operation in generated clients.</param>
    /// <param name="summary">What it does.</param>
    /// <param name="signature">A function with the parameters, the body and the answer of the route. It is never called.</param>
    /// <param name="status">The status of a success.</param>
    /// <param name="contentType">The content type of the answer.</param>
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

/// <summary>The name of an operation in generated clients. Not the name of the endpoint: HubSpot's versions map some routes more than once.</summary>
internal sealed record OperationId(string Value);

/// <summary>An alternative answer of a route, if a request accepts it.</summary>
/// <param name="ContentType">Its content type.</param>
/// <param name="Schema">The name of its schema in the document.</param>
internal sealed record OtherAnswer(string ContentType, string Schema);

/// <summary>A whole list, in the OpenAPI document.</summary>
internal sealed record ListAnswer<T>(T[] Results);

/// <summary>A page of a list, in the OpenAPI document.</summary>
internal sealed record PageAnswer<T>(T[] Results, [property: Description("Absent on the last page.")] PagingAnswer? Paging = null);

/// <summary>Where the next page is.</summary>
internal sealed record PagingAnswer(NextPageAnswer Next);

/// <summary>The next page.</summary>
internal sealed record NextPageAnswer(
    [property: Description("The value of after for the next page.")] string After,
    [property: Description("The full URL.")] string? Link = null);

/// <summary>Texts by name, some of them optional.</summary>
internal sealed class TextsOrNull : Dictionary<string, string?>;

/// <summary>HubSpot's envelope for errors, written by <see cref="Wire.WriteError"/>.</summary>
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

/// <summary>The error of one input of several, written by <see cref="BatchEnvelope.WriteError"/>.</summary>
internal sealed record RowErrorAnswer(string Status, string Message, string? Category = null, string? SubCategory = null, Dictionary<string, string[]>? Context = null);
