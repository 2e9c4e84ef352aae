using System.Collections.Immutable;
using System.Text.Json;
using Docket.Model;

namespace Docket.Http;

/// <summary>Association types in a body: <c>[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]</c>.</summary>
internal static class AssociationSpecs
{
    static readonly JsonShape<Spec> Shape = new(
        null,
        ["associationCategory", "associationTypeId"],
        ("associationCategory", (spec, ref json) => spec.Category = json.OneOf("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED", "WORK")),
        ("associationTypeId", (spec, ref json) => spec.Id = json.Number()));

    /// <summary>Reads a list of types.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static ImmutableArray<(string Category, int Id)> Read(ref JsonCursor json)
    {
        // The text of reference/properties-pipelines-search-associations.md 5.4.
        if (json.TokenType == JsonTokenType.String)
        {
            throw json.Refuse("Cannot deserialize value of type `java.util.HashSet<com.hubspot.inbounddb.associations.base.AssociationSpec>` from String value (token `JsonToken.VALUE_STRING`)");
        }

        var specs = json.List("a list of association types", static (ref json) => Shape.Read(ref json)) ?? throw json.Unexpected("a list of association types");
        return [.. specs.Select(spec => (spec.Category!, spec.Id!.Value))];
    }

    sealed class Spec
    {
        public string? Category { get; set; }

        public int? Id { get; set; }
    }
}
