namespace Docket.Tests.Contract;

/// <summary>Where answers are not what HubSpot's OpenAPI files say, and why. Each entry is needed by some conversation.</summary>
internal static class Deviations
{
    const string Objects = "objects-and-batch.md ", Schemas = "properties-pipelines-search-associations.md ", Auth = "auth-limits-webhooks-imports.md ", Others = "objects-other-than-tickets.md ";

    /// <summary>HubSpot's own service does not keep to its files here, or they leave open what it sends: what was seen of it goes first.</summary>
    public static readonly Deviation[] OfHubSpot =
    [
        new("Error", "/status", Problem.Unknown, Objects + "3.1", "always on the wire, always \"error\""),
        .. OfLimits("errorType", "policyName", "groupName", "requestId"),
        new("Error", "/category", Problem.Missing, Objects + "3.1", "several 4xx bodies have none: malformed JSON, unknown object types, 404 resource not found"),
        new("StandardError", "/errors", Problem.Missing, Objects + "1.6", "real items have status, category, message and context only"),
        new("StandardError", "/links", Problem.Missing, Objects + "1.6", "as above"),
        new("StandardError", "/subCategory", Problem.Type, Schemas + "1.8", "a text, as recorded of a properties batch/create; the file says object"),
        new("SimplePublicObject", "/properties/*", Problem.Null, Objects + "2.1", "a property that was never set reads as null, which only the dated files allow"),
        new("SimplePublicObjectWithAssociations", "/properties/*", Problem.Null, Objects + "2.1", "as above"),
        new("Error", "/error", Problem.Unknown, Auth + "1.5", "of errors in the OAuth flow, beside the older members"),
        new("Error", "/error_description", Problem.Unknown, Auth + "1.5", "as above"),
        .. ((string[])["app_id", "client_id", "hub_id", "scopes", "token", "token_type", "token_use", "user_id"])
            .Select(member => new Deviation("PublicRefreshTokenInfoResponse", "/" + member, Problem.Missing, Auth + "1.4", "an unknown token is only not active; the file of 2026-09 demands no more")),
        new("MultiAssociatedObjectWithLabel", "/toObjectId", Problem.Type, Schemas + "5.2", "a number, as recorded"),
        new("AssociationSpecWithLabel", "/label", Problem.Null, Schemas + "5.2", "of the plain association, as recorded"),
        new("LabelsBetweenObjectPair", "/fromObjectId", Problem.Type, Schemas + "5.2", "a number, as recorded"),
        new("LabelsBetweenObjectPair", "/toObjectId", Problem.Type, Schemas + "5.2", "as above"),
        new("BatchResponsePublicDefaultAssociation", "HTTP 207", Problem.Status, Schemas + "5.4", "a batch with failed inputs; its schema has errors"),
        new("StandardError", "/context", Problem.Missing, Schemas + "5.4", "an association of a record with itself has none"),
        .. ((string[])["INVALID_OBJECT_IDS", "objectId", "associationSpec", "INVALID_ASSOCIATION_TYPE_ID"]).SelectMany(key => ((string[])["StandardError", "ErrorDetail"]).Select(schema =>
            new Deviation(schema, "/context/" + key, Problem.Key, "objects-other-than-tickets.md 8.3", "an association of an input that can't be made"))),
        new("ErrorDetail", "/context/objectType", Problem.Key, "objects-other-than-tickets.md 8.3", "as above"),
        new("StandardError", "/context/id", Problem.Key, Schemas + "5.4", "the id that is no number"),
        new("StandardError", "/context/fromObjectId", Problem.Key, Schemas + "5.2", "the record without associations"),
        new("StandardError", "/context/toObjectId", Problem.Key, Schemas + "5.4", "the record that is not there"),
        new("StandardError", "/context/objectType", Problem.Key, Schemas + "5.4", "and its type"),
        new("StandardError", "/context/fromObjectType", Problem.Key, Schemas + "5.2", "its type"),
        new("StandardError", "/context/toObjectType", Problem.Key, Schemas + "5.2", "the other type"),
        new("Error", "/context/objectId", Problem.Key, Schemas + "5.4", "what an association points to and is not there"),
        new("Error", "/context/objectType", Problem.Key, Schemas + "5.4", "its type"),
        new("Error", "/context/associationSpec", Problem.Key, "objects-other-than-tickets.md 8.3", "the association type that doesn't exist"),
        new("Error", "/context/INVALID_ASSOCIATION_TYPE_ID", Problem.Key, "objects-other-than-tickets.md 8.3", "and why it is refused"),
        .. ((string[])["Error", "StandardError", "ErrorDetail"]).Select(schema => new Deviation(schema, "/context/maxToObjectIds", Problem.Key, Others + "8.6", "the limit of associations; HubSpot's answer is not known")),
        new("ObjectSchema", "/restorable", Problem.Unknown, Schemas + "8", "seen in answers"),
        new("ObjectSchema", "/metaType", Problem.Unknown, Schemas + "8", "seen in answers"),
        .. ((string[])["cardinality", "inverseCardinality"]).Select(member => new Deviation("AssociationDefinition", "/" + member, Problem.Unknown, Others + "7", "seen in answers")),
        .. ((string[])["createdAt", "updatedAt"]).Select(member => new Deviation("AssociationDefinition", "/" + member, Problem.Null, Others + "7", "of the associations of every new type")),
        new("Error", "/context/requiredGranularScopes", Problem.Key, Schemas + "8", "any of these scopes would do"),
        new("Error", "/context/links", Problem.Key, Objects + "3.4", "in the older form of a missing scope"),
        new("PublicAuditInfo", "/rawObject", Problem.Type, Schemas + "3.7", "JSON text in the documented sample, although the file says object"),

        // Keys of a context, which is any map for the files.
        new("Error", "/context/id", Problem.Key, Objects + "3.4", "the id that is no number"),
        new("Error", "/context/ids", Problem.Key, Objects + "1.5", "ids that come twice in a batch"),
        new("Error", "/context/properties", Problem.Key, Objects + "2.4", "required properties not set; {} of an empty update"),
        new("Error", "/context/INVALID_OBJECT_IDS", Problem.Key, Objects + "3.4", "what an association points to and is not there"),
        new("Error", "/context/stageIds", Problem.Key, Schemas + "3.6", "stages in use"),
        new("Error", "/context/objectIds", Problem.Key, Schemas + "3.6", "records that use them"),
        new("Error", "/context/expire time", Problem.Key, "auth-limits-webhooks-imports.md 1.6", "when a token ended"),
        new("Error", "/context/usageCount", Problem.Key, Schemas + "1.7", "how many places use a property"),
        new("ErrorDetail", "/context/parentType", Problem.Key, Schemas + "1.7", "what uses it"),
        new("ErrorDetail", "/context/parentName", Problem.Key, Schemas + "1.7", "and its name"),
        new("ErrorDetail", "/context/propertyName", Problem.Key, Objects + "2.3", "the property of a refused value"),
        new("ErrorDetail", "/context/requiredGranularScopes", Problem.Key, Objects + "3.4", "any of these scopes would do"),
        new("StandardError", "/context/ids", Problem.Key, Objects + "4.8", "records that are not there"),
        new("StandardError", "/context/name", Problem.Key, Schemas + "1.8", "the property of a batch that failed"),
        new("StandardError", "/context/objectWriteTraceId", Problem.Key, Objects + "1.6", "the input that failed"),
        new("StandardError", "/context/properties", Problem.Key, Objects + "1.6", "required properties not set"),
    ];

    /// <summary>
    /// Successes that the files of 2025-09 and 2026-09 leave out: a batch create is 201 and a partial success 207 in every
    /// version (reference/objects-and-batch.md 7, [decide]). Needed as soon as Docket has dated paths.
    /// </summary>
    public static readonly Deviation[] OfDatedVersions =
    [
        new("BatchResponseSimplePublicObject", "HTTP 201", Problem.Status, Objects + "7", "2025-09 lists 200 for batch/create"),
        new("BatchResponseSimplePublicObject", "HTTP 207", Problem.Status, Objects + "7", "2025-09 and 2026-09 list no 207, but their schema has errors"),
        new("BatchResponseSimplePublicUpsertObject", "HTTP 207", Problem.Status, Objects + "7", "as above"),
        new("BatchResponseProperty", "HTTP 201", Problem.Status, Objects + "7", "2026-09 lists 200 for batch/create of properties"),
        new("BatchResponseProperty", "HTTP 207", Problem.Status, Objects + "7", "as above, of 2026-09"),
    ];

    /// <summary>Docket's additions; docs/compatibility.md, "What Docket adds", lists each of them.</summary>
    public static readonly Deviation[] OfDocket =
    [
        new("ErrorDetail", "/context/index", Problem.Key, "docs/compatibility.md", "which input of the batch"),
        new("ErrorDetail", "/context/objectWriteTraceId", Problem.Key, "docs/compatibility.md", "and its trace id"),
        new("ErrorDetail", "/context/propertyValue", Problem.Key, "docs/compatibility.md", "the refused value"),
        new("ErrorDetail", "/context/existingId", Problem.Key, "docs/compatibility.md", "who has the unique value"),
        new("ErrorDetail", "/context/didYouMean", Problem.Key, "docs/compatibility.md", "the property probably meant"),
        new("ErrorDetail", "/context/properties", Problem.Key, "docs/compatibility.md", "required properties not set, for every row"),
        new("ErrorDetail", "/context/ids", Problem.Key, "docs/compatibility.md", "a record that is not there, beside a fault that refuses the batch"),
        new("StandardError", "/context/index", Problem.Key, "docs/compatibility.md", "which input of the batch"),
        new("StandardError", "/context/existingId", Problem.Key, "docs/compatibility.md", "who has the unique value"),
        new("StandardError", "/context/didYouMean", Problem.Key, "docs/compatibility.md", "the property probably meant"),
        .. Accepted("BatchResponseSimplePublicObject"),
        .. Accepted("BatchResponseSimplePublicUpsertObject"),
    ];

    /// <summary>Paths under <c>/crm/</c> that are in no file, so that there is no schema: there is no file for the beta (reference/objects-and-batch.md 7).</summary>
    public static readonly (string Method, string Path)[] OwnEndpoints =
    [
        ("POST", "/crm/objects/2026-09-beta/tickets/gdpr-delete"),
        // The files of contacts and companies, which have these, are not here; other types have them too (reference/objects-other-than-tickets.md 1.1 [decide]).
        .. ((string[])["v3/objects", "objects/2026-03"]).Select(version => ("POST", $"/crm/{version}/{{objectType}}/merge")),
        .. ((string[])["v3/objects", "objects/2026-03", "objects/2026-09"]).Select(version => ("POST", $"/crm/{version}/{{objectType}}/gdpr-delete")),
        // The older path of the schemas API (reference/properties-pipelines-search-associations.md 8).
        .. ((string[])["GET ", "POST ", "POST /batch/read", "GET /tickets", "PATCH /tickets", "DELETE /{typeId}", "POST /tickets/associations", "DELETE /tickets/associations/{associationId}"])
            .Select(one => (one.Split(' ')[0], "/crm/v3/schemas" + one.Split(' ')[1])),
        // There are no lists; the file of lists is not here.
        ("POST", "/crm/v3/lists/search"),
        // Readers of tickets ask there, and HubSpot answers as v3 does; its files of v4 are about associations only.
        ("GET", "/crm/v4/objects/tickets"),
        ("GET", "/crm/v4/objects/tickets/{id}"),
        // The guides and clients have these paths too; the files have /crm/associations/v4 (reference/properties-pipelines-search-associations.md 5.8).
        ("GET", "/crm/v4/associations/{from}/{to}/labels"),
        ("POST", "/crm/v4/associations/{from}/{to}/labels"),
        ("PUT", "/crm/v4/associations/{from}/{to}/labels"),
        ("DELETE", "/crm/v4/associations/{from}/{to}/labels/{associationTypeId}"),
        .. OfConfigurations("/crm/v4/associations"),
        // In every v3 guide and in use, but in no file any more (reference/objects-other-than-tickets.md 8.1).
        ("PUT", "/crm/v3/objects/{type}/{id}/associations/{to}/{toId}/{associationType}"),
        ("DELETE", "/crm/v3/objects/{type}/{id}/associations/{to}/{toId}/{associationType}"),
        ("GET", "/crm/v3/objects/{type}/{id}/associations/{to}"),
        ("GET", "/crm/v3/associations/{from}/{to}/types"),
        // No file of the dated associations is published.
        .. ((string[])["2025-09", "2026-03", "2026-09", "2026-09-beta"]).SelectMany(version => ((string, string)[])
        [
            ("PUT", $"/crm/objects/{version}/{{type}}/{{id}}/associations/{{to}}/{{toId}}"),
            ("PUT", $"/crm/objects/{version}/{{type}}/{{id}}/associations/default/{{to}}/{{toId}}"),
            ("PUT", $"/crm/objects/{version}/{{type}}/{{id}}/associations/{{to}}/{{toId}}/{{associationType}}"),
            ("DELETE", $"/crm/objects/{version}/{{type}}/{{id}}/associations/{{to}}/{{toId}}/{{associationType}}"),
            ("DELETE", $"/crm/objects/{version}/{{type}}/{{id}}/associations/{{to}}/{{toId}}"),
            ("GET", $"/crm/objects/{version}/{{type}}/{{id}}/associations/{{to}}"),
            ("GET", $"/crm/associations/{version}/{{from}}/{{to}}/labels"),
            ("POST", $"/crm/associations/{version}/{{from}}/{{to}}/labels"),
            ("PUT", $"/crm/associations/{version}/{{from}}/{{to}}/labels"),
            ("DELETE", $"/crm/associations/{version}/{{from}}/{{to}}/labels/{{associationTypeId}}"),
            .. OfConfigurations($"/crm/associations/{version}"),
            .. ((string[])["create", "associate/default", "archive", "labels/archive", "read"]).Select(batch => ("POST", $"/crm/associations/{version}/{{from}}/{{to}}/batch/{batch}")),
        ]),
        // Of the dated Owners API only one version's file is published (reference/properties-pipelines-search-associations.md 6).
        .. ((string[])["2025-09", "2026-09", "2026-09-beta"]).SelectMany(version => ((string[])["", "/{ownerId}"]).Select(rest => ("GET", $"/crm/owners/{version}{rest}"))),
    ];

    // A batch that is to be worked on later: HubSpot's files have the words for its status and no way to get them.
    static IEnumerable<Deviation> Accepted(string schema) =>
    [
        new(schema, "HTTP 202", Problem.Status, "docs/compatibility.md", "asked for with respond-async"),
        new(schema, "/startedAt", Problem.Null, "docs/compatibility.md", "not begun"),
        new(schema, "/completedAt", Problem.Null, "docs/compatibility.md", "not complete"),
        .. ((string[])["id", "operation", "objectTypeId", "inputs", "done", "created", "updated", "unchanged", "failed"])
            .Select(member => new Deviation(schema, "/" + member, Problem.Unknown, "docs/compatibility.md", "how far it is")),
    ];

    static IEnumerable<(string, string)> OfConfigurations(string prefix) =>
    [
        ("GET", prefix + "/definitions/configurations/all"),
        ("GET", prefix + "/definitions/configurations/{from}/{to}"),
        .. ((string[])["create", "update", "purge"]).Select(batch => ("POST", $"{prefix}/definitions/configurations/{{from}}/{{to}}/batch/{batch}")),
    ];

    // A 429 has more than an envelope.
    static IEnumerable<Deviation> OfLimits(params string[] members) =>
        members.Select(member => new Deviation("Error", "/" + member, Problem.Unknown, "auth-limits-webhooks-imports.md 2.4", "what limit was reached"));

    public static IEnumerable<Deviation> All => [.. OfHubSpot, .. OfDatedVersions, .. OfDocket];

    /// <summary>Where answers may differ.</summary>
    public static readonly HashSet<Finding> Places = [.. All.Select(deviation => deviation.Place)];
}

/// <param name="Schema">The schema's name in HubSpot's files.</param>
/// <param name="Pointer">JSON pointer from that schema, with <c>*</c> for any entry or key; <c>HTTP 207</c> and the like for a status.</param>
/// <param name="Problem">What is found there.</param>
/// <param name="Evidence">Section of the reference, or a page of docs/.</param>
/// <param name="Reason">Why the answer is right all the same.</param>
internal sealed record Deviation(string Schema, string Pointer, Problem Problem, string Evidence, string Reason)
{
    public Finding Place => new(Schema, Pointer, Problem);
}
