using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Microsoft.AspNetCore.Routing;

namespace Docket.Tests.Access;

/// <summary>
/// Nothing crosses from one portal to another: every route of the server is tried with what belongs to another portal. A new
/// route has to say in <see cref="Attempts"/> how it is tried, or this fails.
/// </summary>
public sealed partial class PortalWallTests
{
    /// <summary>Part of every text in the portal, and of no request of the other one.</summary>
    const string Secret = "nobody else may read this";

    const string Unique = "key-1", Email = "ada@example.com", Tickets = "/crm/v3/objects/tickets";

    /// <summary>
    /// The requests to each route: a query, a space and a body, or one of them; an empty text is the bare route. A body that is not
    /// JSON is a form. Names after a <c>$</c> and the places in the path are replaced with objects of the other portal. Paths are those
    /// of v3, and represent the dated ones as well.
    /// </summary>
    internal static readonly Dictionary<string, string[]> Attempts = new()
    {
        ["GET /crm/v3/objects/{objectType}"] = ["", "?archived=true", "?limit=100&after=$ticket", "?properties=subject,ext_id&propertiesWithHistory=subject"],
        ["GET /crm/v3/objects/{objectType}/{id}"] = ["", "?archived=true", "?asOf=2100-01-01T00:00:00Z", "?propertiesWithHistory=subject"],
        ["GET /crm/v4/objects/{objectType}"] = ["", "?archived=true"],
        ["GET /crm/v4/objects/{objectType}/{id}"] = [""],
        ["POST /crm/v3/objects/{objectType}"] = ["""{"properties":{"hs_pipeline_stage":"1","ext_id":"$unique"}}""", """{"properties":{"hs_pipeline":"$pipeline","hs_pipeline_stage":"$stage"}}""", """{"properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"$user"}}"""],
        ["PATCH /crm/v3/objects/{objectType}/{id}"] = ["""{"properties":{"content":"changed"}}"""],
        ["DELETE /crm/v3/objects/{objectType}/{id}"] = [""],
        ["POST /crm/v3/objects/{objectType}/batch/read"] = ["""{"inputs":[{"id":"$ticket"},{"id":"$archived"}]}""", """?archived=true {"inputs":[{"id":"$archived"}]}""", """{"idProperty":"ext_id","properties":["subject"],"propertiesWithHistory":["subject"],"inputs":[{"id":"$unique"}]}"""],
        ["POST /crm/v3/objects/{objectType}/batch/create"] = ["""{"inputs":[{"properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"$user"}}]}"""],
        ["POST /crm/v3/objects/{objectType}/batch/update"] = ["""{"inputs":[{"id":"$ticket","properties":{"content":"changed"}}]}""", """{"inputs":[{"id":"$unique","idProperty":"ext_id","properties":{"content":"changed"}}]}"""],
        ["POST /crm/v3/objects/{objectType}/batch/upsert"] = ["""{"inputs":[{"id":"$unique","idProperty":"ext_id","properties":{"content":"changed","hs_pipeline_stage":"1"}}]}""", """{"inputs":[{"id":"x","idProperty":"$property","properties":{"hs_pipeline_stage":"1"}}]}"""],
        ["POST /crm/v3/objects/{objectType}/batch/archive"] = ["""{"inputs":[{"id":"$ticket"}]}"""],
        ["POST /crm/v3/objects/{objectType}/merge"] = ["""{"primaryObjectId":"$ticket","objectIdToMerge":"$archived"}"""],
        ["POST /crm/v3/objects/{objectType}/search"] = ["{}", """{"query":"read","properties":["subject"]}""", """{"filterGroups":[{"filters":[{"propertyName":"ext_id","operator":"EQ","value":"$unique"}]}]}""", """{"after":"$ticket","filters":[{"propertyName":"hs_pipeline","operator":"EQ","value":"$pipeline"}]}"""],
        ["POST /crm/v3/objects/{objectType}/gdpr-delete"] = ["""{"objectId":"$ticket"}""", """{"objectId":"$unique","idProperty":"ext_id"}"""],
        ["POST /docket/v1/objects/{objectType}/gdpr-delete"] = ["""{"objectId":"$ticket"}""", """{"objectId":"$unique","idProperty":"ext_id"}"""],
        ["POST /docket/v1/objects/{objectType}/{id}/restore"] = ["", """{"properties":{"hs_pipeline_stage":"1"}}"""],
        ["GET /docket/v1/changes"] = ["", "?after=0&limit=100", "?after=$sequence"],
        ["GET /docket/v1/objects/{objectType}/{id}/timeline"] = ["", "?limit=1&properties=subject", "?after=$sequence-$sequence"],
        ["GET /crm/v3/properties/{objectType}"] = ["", "?archived=true"],
        ["GET /crm/v3/properties/{objectType}/{name}"] = ["", "?archived=true"],
        ["POST /crm/v3/properties/{objectType}"] = ["""{"name":"$property","label":"x","type":"string","fieldType":"text","groupName":"$group"}"""],
        ["PATCH /crm/v3/properties/{objectType}/{name}"] = ["""{"label":"changed"}"""],
        ["DELETE /crm/v3/properties/{objectType}/{name}"] = [""],
        ["POST /crm/v3/properties/{objectType}/batch/read"] = ["""{"inputs":[{"name":"$property"}]}"""],
        ["POST /crm/v3/properties/{objectType}/batch/create"] = ["""{"inputs":[{"name":"$property","label":"x","type":"string","fieldType":"text","groupName":"$group"}]}"""],
        ["POST /crm/v3/properties/{objectType}/batch/archive"] = ["""{"inputs":[{"name":"$property"}]}"""],
        ["GET /crm/v3/properties/{objectType}/groups"] = [""],
        ["GET /crm/v3/properties/{objectType}/groups/{name}"] = [""],
        ["POST /crm/v3/properties/{objectType}/groups"] = ["""{"name":"$group","label":"x"}"""],
        ["PATCH /crm/v3/properties/{objectType}/groups/{name}"] = ["""{"label":"changed"}"""],
        ["DELETE /crm/v3/properties/{objectType}/groups/{name}"] = [""],
        ["GET /crm/v3/pipelines/{objectType}"] = [""],
        ["GET /crm/v3/pipelines/{objectType}/{pipelineId}"] = [""],
        ["GET /crm/v3/pipelines/{objectType}/{pipelineId}/audit"] = [""],
        ["POST /crm/v3/pipelines/{objectType}"] = ["""{"label":"x","displayOrder":1,"pipelineId":"$pipeline","stages":[{"label":"x","displayOrder":0,"metadata":{"ticketState":"OPEN"}}]}"""],
        ["PUT /crm/v3/pipelines/{objectType}/{pipelineId}"] = ["""{"label":"y","displayOrder":1,"stages":[{"stageId":"$stage","label":"y","displayOrder":0,"metadata":{"ticketState":"OPEN"}}]}"""],
        ["PATCH /crm/v3/pipelines/{objectType}/{pipelineId}"] = ["""{"label":"changed"}"""],
        ["DELETE /crm/v3/pipelines/{objectType}/{pipelineId}"] = [""],
        ["GET /crm/v3/pipelines/{objectType}/{pipelineId}/stages"] = [""],
        ["GET /crm/v3/pipelines/{objectType}/{pipelineId}/stages/{stageId}"] = [""],
        ["GET /crm/v3/pipelines/{objectType}/{pipelineId}/stages/{stageId}/audit"] = [""],
        ["POST /crm/v3/pipelines/{objectType}/{pipelineId}/stages"] = ["""{"label":"x","displayOrder":9,"metadata":{"ticketState":"OPEN"}}"""],
        ["PUT /crm/v3/pipelines/{objectType}/{pipelineId}/stages/{stageId}"] = ["""{"label":"z","displayOrder":9,"metadata":{"ticketState":"OPEN"}}"""],
        ["PATCH /crm/v3/pipelines/{objectType}/{pipelineId}/stages/{stageId}"] = ["""{"label":"changed"}"""],
        ["DELETE /crm/v3/pipelines/{objectType}/{pipelineId}/stages/{stageId}"] = [""],
        ["PUT /crm/v3/objects/{objectType}/{id}/associations/default/{toObjectType}/{toId}"] = [""],
        ["PUT /crm/v3/objects/{objectType}/{id}/associations/{toObjectType}/{toId}"] = ["""[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]"""],
        ["DELETE /crm/v3/objects/{objectType}/{id}/associations/{toObjectType}/{toId}"] = [""],
        ["GET /crm/v3/objects/{objectType}/{id}/associations/{toObjectType}"] = ["", "?limit=1"],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/batch/associate/default"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/batch/labels/archive"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["GET /crm/v3/associations/{objectType}/{toObjectType}/labels"] = [""],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/labels"] = ["""{"name":"theirs","label":"theirs"}"""],
        ["PUT /crm/v3/associations/{objectType}/{toObjectType}/labels"] = ["""{"associationTypeId":$label,"label":"changed"}"""],
        ["DELETE /crm/v3/associations/{objectType}/{toObjectType}/labels/{associationTypeId}"] = [""],
        ["GET /crm/v3/associations/definitions/configurations/all"] = [""],
        ["GET /crm/v3/associations/definitions/configurations/{objectType}/{toObjectType}"] = [""],
        ["POST /crm/v3/associations/definitions/configurations/{objectType}/{toObjectType}/batch/create"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/v3/associations/definitions/configurations/{objectType}/{toObjectType}/batch/update"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/v3/associations/definitions/configurations/{objectType}/{toObjectType}/batch/purge"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452}]}"""],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/batch/create"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"type":"ticket_to_ticket","types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/batch/archive"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"type":"ticket_to_ticket","types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v3/associations/{objectType}/{toObjectType}/batch/read"] = ["""{"inputs":[{"id":"$ticket"}]}"""],
        ["PUT /crm/v4/objects/{objectType}/{id}/associations/default/{toObjectType}/{toId}"] = [""],
        ["PUT /crm/v4/objects/{objectType}/{id}/associations/{toObjectType}/{toId}"] = ["""[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]"""],
        ["DELETE /crm/v4/objects/{objectType}/{id}/associations/{toObjectType}/{toId}"] = [""],
        ["GET /crm/v4/objects/{objectType}/{id}/associations/{toObjectType}"] = ["", "?limit=1"],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/batch/associate/default"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/batch/labels/archive"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["GET /crm/v4/associations/{objectType}/{toObjectType}/labels"] = [""],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/labels"] = ["""{"name":"theirs","label":"theirs"}"""],
        ["PUT /crm/v4/associations/{objectType}/{toObjectType}/labels"] = ["""{"associationTypeId":$label,"label":"changed"}"""],
        ["DELETE /crm/v4/associations/{objectType}/{toObjectType}/labels/{associationTypeId}"] = [""],
        ["GET /crm/v4/associations/definitions/configurations/all"] = [""],
        ["GET /crm/v4/associations/definitions/configurations/{objectType}/{toObjectType}"] = [""],
        ["POST /crm/v4/associations/definitions/configurations/{objectType}/{toObjectType}/batch/create"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/v4/associations/definitions/configurations/{objectType}/{toObjectType}/batch/update"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/v4/associations/definitions/configurations/{objectType}/{toObjectType}/batch/purge"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452}]}"""],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/batch/create"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/batch/archive"] = ["""{"inputs":[{"from":{"id":"$ticket"},"to":{"id":"$archived"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":452}]}]}"""],
        ["POST /crm/v4/associations/{objectType}/{toObjectType}/batch/read"] = ["""{"inputs":[{"id":"$ticket"}]}"""],
        ["GET /crm/v3/associations/{objectType}/{toObjectType}/types"] = [""],
        ["PUT /crm/v3/objects/{objectType}/{id}/associations/{toObjectType}/{toId}/{associationType}"] = [""],
        ["DELETE /crm/v3/objects/{objectType}/{id}/associations/{toObjectType}/{toId}/{associationType}"] = [""],
        ["GET /crm/associations/v4/{objectType}/{toObjectType}/labels"] = [""],
        ["POST /crm/associations/v4/{objectType}/{toObjectType}/labels"] = ["""{"name":"theirs","label":"theirs"}"""],
        ["PUT /crm/associations/v4/{objectType}/{toObjectType}/labels"] = ["""{"associationTypeId":$label,"label":"changed"}"""],
        ["DELETE /crm/associations/v4/{objectType}/{toObjectType}/labels/{associationTypeId}"] = [""],
        ["GET /crm/associations/v4/definitions/configurations/all"] = [""],
        ["GET /crm/associations/v4/definitions/configurations/{objectType}/{toObjectType}"] = [""],
        ["POST /crm/associations/v4/definitions/configurations/{objectType}/{toObjectType}/batch/create"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/associations/v4/definitions/configurations/{objectType}/{toObjectType}/batch/update"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":2}]}"""],
        ["POST /crm/associations/v4/definitions/configurations/{objectType}/{toObjectType}/batch/purge"] = ["""{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452}]}"""],
        ["GET /crm/v3/schemas"] = ["", "?archived=true"],
        ["POST /crm/v3/schemas"] = ["""{"name":"theirs","labels":{"singular":"x","plural":"y"},"primaryDisplayProperty":"hs_object_id"}"""],
        ["POST /crm/v3/schemas/batch/read"] = ["""{"inputs":["$type"]}""", """{"inputs":["tickets"]}"""],
        ["GET /crm/v3/schemas/{objectType}"] = ["", "?includePropertyDefinitions=false"],
        ["PATCH /crm/v3/schemas/{objectType}"] = ["""{"description":"changed"}"""],
        ["DELETE /crm/v3/schemas/{typeId}"] = ["", "?archived=true"],
        ["POST /crm/v3/schemas/{objectType}/associations"] = ["""{"fromObjectTypeId":"$type","toObjectTypeId":"tickets"}"""],
        ["DELETE /crm/v3/schemas/{objectType}/associations/{associationId}"] = [""],
        ["GET /crm/v3/owners"] = ["", "?email=$email", "?archived=true", "?after=$user"],
        ["GET /crm/v3/owners/{ownerId}"] = ["", "?idProperty=userId", "?archived=true"],
        ["GET /docket/v1/jobs"] = ["", "?after=$job"],
        ["GET /docket/v1/jobs/{id}"] = [""],
        ["GET /docket/v1/jobs/{id}/results"] = ["", "?failed=true"],
        ["GET /docket/v1/jobs/{id}/rejected"] = [""],
        ["POST /docket/v1/jobs/{id}/cancel"] = [""],
        ["GET /docket/v1/settings"] = [""],
        ["PATCH /docket/v1/settings"] = ["""{"search-lag":"1s"}"""],
        ["GET /docket/v1/apps"] = [""],
        ["POST /docket/v1/apps"] = ["""{"name":"x","scopes":["tickets"]}"""],
        ["GET /docket/v1/apps/{appId}"] = [""],
        ["PATCH /docket/v1/apps/{appId}"] = ["""{"name":"changed","scopes":[]}"""],
        ["DELETE /docket/v1/apps/{appId}"] = [""],
        ["POST /docket/v1/apps/{appId}/rotate"] = ["{}"],
        ["GET /docket/v1/users"] = [""],
        ["POST /docket/v1/users"] = ["""{"email":"$email"}"""],
        ["GET /docket/v1/users/{userId}"] = [""],
        ["PATCH /docket/v1/users/{userId}"] = ["""{"archived":true}"""],
        ["POST /docket/v1/apps/{appId}/refusals"] = ["""{"policyName":"DAILY","calls":1}"""],
        ["GET /docket/v1/portals"] = [""],
        ["POST /docket/v1/portals"] = ["""{"name":"another"}"""],
        ["GET /docket/v1/portals/{portalId}"] = [""],
        ["DELETE /docket/v1/portals/{portalId}"] = [""],
        ["GET /docket/v1/clock"] = [""],
        ["PUT /docket/v1/clock"] = ["""{"now":"2040-01-01T00:00:00Z"}"""],
        ["DELETE /docket/v1/clock"] = [""],
        ["GET /docket/v1/snapshots"] = [""],
        ["POST /docket/v1/snapshots"] = ["""{"name":"another"}"""],
        ["GET /docket/v1/snapshots/{snapshotId}"] = [""],
        ["DELETE /docket/v1/snapshots/{snapshotId}"] = [""],
        ["POST /docket/v1/seed"] = ["""{"users":[{"email":"$email"}],"properties":{"tickets":[{"name":"$property","label":"x","type":"string","fieldType":"text","groupName":"ticketinformation"}]},"records":{"tickets":[{"name":"a","owner":"$email","properties":{"subject":"a","hs_pipeline_stage":"1"}}]}}"""],
        ["POST /docket/v1/rewind"] = ["""{"snapshot":"$snapshot"}"""],
        ["GET /docket/v1/portals/{portalId}/snapshots"] = [""],
        ["POST /docket/v1/portals/{portalId}/snapshots"] = ["""{"name":"another"}"""],
        ["POST /docket/v1/portals/{portalId}/rewind"] = ["""{"snapshot":"$snapshot"}"""],
        ["GET /docket/v1/faults"] = [""],
        ["POST /docket/v1/faults"] = ["""{"match":{"method":"PUT","path":"/none/**","objectType":"tickets","app":1,"call":1,"probability":0.5,"seed":1,"body":{"a":"b"}},"answer":{"dropRows":[0],"lag":1,"failRows":[0],"delay":1,"bytesPerSecond":1000},"times":1,"for":1}""", """{"match":{"method":"PUT","path":"/none"},"answer":{"status":429,"policyName":"DAILY"} }""", """{"preset":"stale-search","seed":1,"for":1}"""],
        ["DELETE /docket/v1/faults"] = [""],
        ["GET /docket/v1/faults/presets"] = [""],
        ["GET /docket/v1/faults/{faultId}"] = [""],
        ["DELETE /docket/v1/faults/{faultId}"] = [""],
        ["GET /docket/v1/requests"] = [""],
        ["DELETE /docket/v1/requests"] = [""],
        ["POST /docket/v1/requests/expect"] = ["""{"match":{"method":"GET","path":"/crm/**","objectType":"tickets","app":0,"status":200,"beyondLimit":false,"body":{"a.b":"c"}},"times":{"atLeast":0,"atMost":1000}}""", """{"times":2}"""],
        ["GET /account-info/v3/details"] = [""],
        ["GET /account-info/v3/api-usage/daily"] = [""],
        ["GET /account-info/v3/api-usage/daily/private-apps"] = [""],
        ["GET /integrations/v1/me"] = [""],
        ["GET /calling/v1/dispositions"] = [""],
        ["POST /crm-objects/v1/objects/{objectType}"] = ["""[{"name":"hs_pipeline","value":"$pipeline"},{"name":"hs_pipeline_stage","value":"$stage"}]""", """[{"name":"hs_pipeline_stage","value":"1"},{"name":"ext_id","value":"$unique"}]"""],
        ["POST /crm-objects/v1/objects/{objectType}/batch-create"] = ["""[[{"name":"hs_pipeline_stage","value":"1"},{"name":"hubspot_owner_id","value":"$user"}]]"""],
        ["POST /crm-objects/v1/objects/{objectType}/batch-read"] = ["""{"ids":["$ticket","$archived"]}""", """?includeDeleted=true&properties=subject {"ids":["$archived"]}"""],
        ["GET /crm-objects/v1/objects/{objectType}/paged"] = ["", "?properties=subject"],
        ["GET /crm-objects/v1/objects/{objectType}/{id}"] = ["", "?includeDeleted=true&propertiesWithHistory=subject"],
        ["PUT /crm-objects/v1/objects/{objectType}/{id}"] = ["""[{"name":"content","value":"changed"}]"""],
        ["DELETE /crm-objects/v1/objects/{objectType}/{id}"] = [""],
        ["POST /crm/v3/lists/search"] = ["{}"],
        ["GET /settings/v3/users"] = ["", "?after=$user"],
        ["GET /settings/v3/users/{userId}"] = [""],
        ["GET /settings/v3/users/teams"] = [""],
        ["GET /crm-pipelines/v1/pipelines/{objectType}"] = [""],
        ["GET /properties/v1/{objectType}/properties"] = [""],
        ["GET /properties/v2/{objectType}/properties"] = [""],
        ["GET /properties/v1/{objectType}/properties/named/{name}"] = [""],
        ["GET /properties/v2/{objectType}/properties/named/{name}"] = [""],
        ["PUT /crm-associations/v1/associations/create-batch"] = ["""[{"fromObjectId":"$ticket","toObjectId":"$archived","category":"HUBSPOT_DEFINED","definitionId":452}]"""],
        ["PUT /crm-associations/v1/associations/delete-batch"] = ["""[{"fromObjectId":"$ticket","toObjectId":"$archived","category":"HUBSPOT_DEFINED","definitionId":452}]"""],
        ["POST /companies/v2/companies"] = ["""{"properties":[{"name":"hubspot_owner_id","value":"$user"}],"associations":{"associatedVids":["$ticket"]}}""", """{"properties":[]}"""],
        ["GET /companies/v2/companies/paged"] = ["", "?limit=1&offset=1&includeAllProperties=true&includeAssociations=true"],
        ["GET /companies/v2/companies/recent/modified"] = ["", "?since=1&count=100"],
        ["GET /companies/v2/companies/recent/created"] = [""],
        ["GET /companies/v2/companies/{id}"] = ["", "?includePropertyVersions=true"],
        ["PUT /companies/v2/companies/{id}"] = ["""{"properties":[{"name":"description","value":"changed"}]}"""],
        ["DELETE /companies/v2/companies/{id}"] = [""],
        ["POST /deals/v1/deal"] = ["""{"properties":[{"name":"hubspot_owner_id","value":"$user"}],"associations":{"associatedVids":["$ticket"]}}""", """{"properties":[]}"""],
        ["GET /deals/v1/deal/paged"] = ["", "?limit=1&offset=1&includeAllProperties=true&includeAssociations=true"],
        ["GET /deals/v1/deal/recent/modified"] = ["", "?since=1&count=100"],
        ["GET /deals/v1/deal/recent/created"] = [""],
        ["GET /deals/v1/deal/{id}"] = ["", "?includePropertyVersions=true"],
        ["PUT /deals/v1/deal/{id}"] = ["""{"properties":[{"name":"description","value":"changed"}]}"""],
        ["DELETE /deals/v1/deal/{id}"] = [""],
        ["POST /companies/v1/batch-async/update"] = ["""[{"objectId":"$ticket","properties":[{"name":"description","value":"changed"}]}]"""],
        ["POST /deals/v1/batch-async/update"] = ["""[{"objectId":"$ticket","properties":[{"name":"description","value":"changed"}]}]"""],
        ["POST /companies/v2/domains/{domain}/companies"] = ["""{"limit":1,"requestOptions":{"properties":["domain"]},"offset":{"companyId":"$ticket"}}"""],
        ["GET /companies/v2/companies/domain/{domain}"] = ["?properties=domain"],
        ["GET /companies/v2/companies/{id}/contacts"] = [""],
        ["GET /companies/v2/companies/{id}/vids"] = [""],
        ["PUT /companies/v2/companies/{id}/contacts/{toId}"] = [""],
        ["DELETE /companies/v2/companies/{id}/contacts/{toId}"] = [""],
        ["GET /companies/v2/properties"] = [""],
        ["GET /deals/v1/deal/associated/{toObjectType}/{toId}/paged"] = [""],
        ["PUT /deals/v1/deal/{id}/associations/{toObjectType}"] = ["?id=$ticket"],
        ["DELETE /deals/v1/deal/{id}/associations/{toObjectType}"] = ["?id=$ticket"],
        ["GET /deals/v1/pipelines"] = [""],
        ["GET /deals/v1/pipelines/{pipelineId}"] = [""],
        ["GET /owners/v2/owners"] = ["", "?email=$email"],
        ["GET /owners/v2/owners/{ownerId}"] = [""],
        ["POST /contacts/v1/contact"] = ["""{"properties":[{"property":"lastname","value":"mine"},{"property":"hubspot_owner_id","value":"$user"}]}"""],
        ["POST /contacts/v1/contact/batch"] = ["""[{"vid":"$ticket","properties":[{"property":"lastname","value":"mine"}]},{"email":"mine@example.com","properties":[{"property":"lastname","value":"mine"}]}]"""],
        ["POST /contacts/v1/contact/createOrUpdate/email/{email}"] = ["""{"properties":[{"property":"lastname","value":"mine"}]}"""],
        ["GET /contacts/v1/contact/vid/{id}/profile"] = ["", "?property=email&propertyMode=value_and_history"],
        ["GET /contacts/v1/contact/email/{email}/profile"] = [""],
        ["POST /contacts/v1/contact/vid/{id}/profile"] = ["""{"properties":[{"property":"lastname","value":"mine"}]}"""],
        ["POST /contacts/v1/contact/email/{email}/profile"] = ["""{"properties":[{"property":"lastname","value":"mine"}]}"""],
        ["DELETE /contacts/v1/contact/vid/{id}"] = [""],
        ["GET /contacts/v1/contact/vids/batch"] = ["?vid=$ticket&vid=$archived"],
        ["GET /contacts/v1/contact/emails/batch"] = ["?email=$email"],
        ["GET /contacts/v1/lists/all/contacts/all"] = ["", "?count=100&vidOffset=1"],
        ["GET /contacts/v1/lists/all/contacts/recent"] = [""],
        ["GET /contacts/v1/lists/recently_updated/contacts/recent"] = [""],
        ["GET /contacts/v1/search/query"] = ["?q=theirs", "?q=$email"],
        ["GET /contacts/v1/lists"] = [""],
        ["POST /engagements/v1/engagements"] = ["""{"engagement":{"type":"NOTE","ownerId":"$user"},"associations":{"ticketIds":["$ticket","$archived"]},"metadata":{"body":"mine"}}""", """{"engagement":{"type":"EMAIL","timestamp":1},"attachments":[{"id":1}],"metadata":{"subject":"mine","to":[{"email":"a@b.co"}]}}""", """{"engagement":{"type":"TASK"},"metadata":{"reminders":[1],"isAllDay":true}}"""],
        ["GET /engagements/v1/engagements/paged"] = ["", "?limit=1&offset=$ticket"],
        ["GET /engagements/v1/engagements/recent/modified"] = ["", "?since=0&count=100"],
        ["GET /engagements/v1/engagements/associated/{objectType}/{id}/paged"] = [""],
        ["GET /engagements/v1/engagements/{id}"] = [""],
        ["PATCH /engagements/v1/engagements/{id}"] = ["""{"engagement":{"ownerId":"$user"},"associations":{"ticketIds":["$ticket"]},"metadata":{"body":"mine"}}"""],
        ["DELETE /engagements/v1/engagements/{id}"] = [""],
        ["GET /oauth/authorize"] = ["", "?client_id=x&redirect_uri=https%3A%2F%2Fexample.com%2Fback&scope=tickets"], // not with an existing app: the page shows its name to everyone who follows its link
        ["POST /oauth/authorize"] = ["client_id=x", "client_id=x&email=$email&password=guessed"],
        ["GET /oauth/{accountId}/authorize"] = [""],
        ["POST /oauth/{accountId}/authorize"] = ["client_id=x&email=$email&password=guessed"],
        ["GET /oauth/apps"] = [""],
        ["POST /oauth/apps"] = ["email=$email&password=guessed", "end=1-1"],
        ["POST /oauth/v1/token"] = ["grant_type=authorization_code&client_id=$client&client_secret=guessed&code=guessed&redirect_uri=https%3A%2F%2Fexample.com%2Fback", "grant_type=refresh_token&client_id=$client&client_secret=&refresh_token=guessed"],
        ["POST /oauth/v3/token"] = ["grant_type=authorization_code&client_id=$client&client_secret=guessed&code=guessed&redirect_uri=https%3A%2F%2Fexample.com%2Fback"],
        ["POST /oauth/v3/token/introspect"] = ["client_id=$client&client_secret=guessed&token=guessed"],
        ["POST /oauth/v3/token/revoke"] = ["client_id=$client&client_secret=guessed&token=guessed"],
        ["GET /oauth/v1/access-tokens/{token}"] = [""],
        ["GET /oauth/v1/refresh-tokens/{token}"] = [""],
        ["DELETE /oauth/v1/refresh-tokens/{token}"] = [""],
        ["POST /oauth/v2/private-apps/get/access-token-info"] = ["""{"tokenKey":"$client"}"""],
        ["DELETE /appinstalls/v3/external-install"] = [""],
        ["GET /"] = [""],
        ["GET /healthz"] = [""],
        ["GET /readyz"] = [""],
        ["GET /docket/v1"] = [""],
        ["GET /docket/v1/openapi.json"] = [""],
        ["GET /docket/v1/scalar.js"] = [""],
    };

    [Fact]
    public async Task No_route_shows_or_changes_anything_of_another_portal()
    {
        await using var server = await TestServer.StartAsync();
        var owned = await FillAsync(server);
        var (otherId, token) = await CreateOtherAsync(server);
        using var other = server.NewClient(token);
        // It has the same unique property and its own users, so that keys and owners are really looked up.
        (await SendAsync(other, "POST", "/crm/v3/properties/tickets", $$"""{"name":"{{TestServer.Key}}","label":"x","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Answer.Expect(201);
        (await SendAsync(other, "POST", "/docket/v1/users", """{"email":"grace@example.com"}""")).Answer.Expect(201);

        var before = await EverythingAsync(server);
        Assert.Contains(Secret, before, StringComparison.Ordinal);
        var rows = await RowsAsync(server, otherId);
        Assert.Contains(rows, row => row.Contains(Secret, StringComparison.Ordinal));

        // Reads first, while the other portal is empty: one of its own ids could be the same by chance.
        var tried = 0;
        foreach (var endpoint in server.Endpoints.OrderBy(endpoint => MethodOf(endpoint) != "GET"))
        {
            var path = PathOf(endpoint);
            foreach (var (target, body) in AttemptsOn(endpoint, owned))
            {
                var (answer, headers) = await SendAsync(other, MethodOf(endpoint), target, body);
                var story = $"{MethodOf(endpoint)} {target} {body}\n{answer.Status} {headers}{answer.Text}";
                tried++;
                if (endpoint.Metadata.GetMetadata<NeedsScope>()?.Portal == ScopeNeed.Portals)
                {
                    answer.Expect(403); // tests may touch all portals of their server, others have nothing to do there
                    continue;
                }

                Assert.True(answer.Status is < 500 and not (401 or 403), story);
                Assert.False(Regex.IsMatch(answer.Text + headers, $"{Secret}|{owned["portal"]}"), "An answer has something of another portal in it.\n" + story);
                Assert.False(!target.Contains('?', StringComparison.Ordinal) && body.Length == 0 && answer.Status < 300 && Named().IsMatch(path) && MethodOf(endpoint) == "GET", "What belongs to another portal was found.\n" + story);
            }
        }

        Assert.True(tried > server.Endpoints.Count());
        Assert.Equal(before, await EverythingAsync(server));
        Assert.Empty(rows.Except(await RowsAsync(server, otherId)));
    }

    [Fact]
    public async Task The_same_idempotency_key_in_another_portal_is_another_request()
    {
        await using var server = await TestServer.StartAsync();
        var (_, token) = await CreateOtherAsync(server);
        using var other = server.NewClient(token);
        const string Body = """{"properties":{"subject":"the same","hs_pipeline_stage":"1"}}""";
        server.Http.DefaultRequestHeaders.Add("Idempotency-Key", "the-same");
        other.DefaultRequestHeaders.Add("Idempotency-Key", "the-same");
        var mine = (await SendAsync(server.Http, "POST", Tickets, Body)).Answer.Expect(201);
        var theirs = (await SendAsync(other, "POST", Tickets, Body)).Answer.Expect(201);
        Assert.NotEqual(mine["url"], theirs["url"]);
        Assert.Equal((1, 1), ((await SendAsync(server.Http, "GET", Tickets)).Answer.Count("results"), (await SendAsync(other, "GET", Tickets)).Answer.Count("results")));
    }

    /// <summary>One of each thing a portal can have, and their ids by name.</summary>
    internal static async Task<Dictionary<string, string>> FillAsync(TestServer server)
    {
        await server.CreatePropertyAsync(TestServer.Key);
        var group = (await server.PostAsync("/crm/v3/properties/tickets/groups", $$"""{"name":"their_group","label":"{{Secret}}"}""")).Expect(201);
        var property = (await server.PostAsync("/crm/v3/properties/tickets", $$"""{"name":"their_property","label":"{{Secret}}","type":"string","fieldType":"text","groupName":"their_group"}""")).Expect(201);
        var pipeline = (await server.PostAsync("/crm/v3/pipelines/tickets", $$$"""{"label":"{{{Secret}}}","displayOrder":1,"stages":[{"label":"{{{Secret}}}","displayOrder":0,"metadata":{"ticketState":"OPEN"}},{"label":"Closed {{{Secret}}}","displayOrder":1,"metadata":{"ticketState":"CLOSED"}}]}""")).Expect(201);
        var type = (await server.PostAsync("/crm-object-schemas/v3/schemas", $$$"""{"name":"theirs","labels":{"singular":"{{{Secret}}}","plural":"{{{Secret}}}"},"primaryDisplayProperty":"hs_object_id","associatedObjects":["tickets"]}""")).Expect(201);
        (await server.PostAsync($"/crm/v3/objects/{type["objectTypeId"]}", """{"properties":{}}""")).Expect(201);
        var label = (await server.PostAsync("/crm/v4/associations/tickets/tickets/labels", $$"""{"name":"their_label","label":"{{Secret}}"}""")).Expect(200);
        (await server.PostAsync("/crm/v4/associations/definitions/configurations/tickets/tickets/batch/create", $$$"""{"inputs":[{"category":"USER_DEFINED","typeId":{{{label["results[0].typeId"]}}},"maxToObjectIds":9}]}""")).Expect(201);
        var user = (await server.PostAsync("/docket/v1/users", $$"""{"email":"{{Email}}","firstName":"{{Secret}}","lastName":"{{Secret}}"}""")).Expect(201);
        var ticket = (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{Secret}}}","their_property":"{{{Secret}}}","ext_id":"{{{Unique}}}","hs_pipeline_stage":"1","hubspot_owner_id":"{{{user["id"]}}}"}}""")).Expect(201);
        var archived = (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{Secret}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.DeleteAsync($"{Tickets}/{archived["id"]}")).Expect(204);
        var app = (await server.PostAsync("/docket/v1/apps", $$"""{"name":"{{Secret}}","scopes":["tickets"]}""")).Expect(201);
        var client = (await server.PostAsync("/docket/v1/apps", $$"""{"name":"{{Secret}} too","scopes":["tickets"],"redirectUris":["https://example.com/back"]}""")).Expect(201);
        using var later = new HttpRequestMessage(HttpMethod.Post, Tickets + "/batch/upsert") { Content = new StringContent($$$"""{"inputs":[{"idProperty":"ext_id","id":"key-2","properties":{"subject":"{{{Secret}}}","hs_pipeline_stage":"1"}}]}""", null, "application/json") };
        later.Headers.Add("Prefer", "respond-async");
        using var accepted = await server.Http.SendAsync(later, TestContext.Current.CancellationToken);
        var job = (await Answer.OfAsync(accepted)).Expect(202);
        using var wait = new HttpRequestMessage(HttpMethod.Get, $"/docket/v1/jobs/{job["id"]}");
        wait.Headers.Add("Prefer", "wait=60");
        using var ended = await server.Http.SendAsync(wait, TestContext.Current.CancellationToken);
        Assert.Equal("COMPLETE", (await Answer.OfAsync(ended)).Expect(200)["status"]);
        var snapshot = TestEngine.IsPostgres ? null : (await server.PostAsync("/docket/v1/snapshots", $$"""{"name":"{{Secret}}"}""")).Expect(201);
        var fault = (await server.PostAsync("/docket/v1/faults", $$"""{"match":{"path":"/{{Secret}}"},"answer":{"status":500} }""")).Expect(201);
        return new()
        {
            ["snapshot"] = snapshot?["id"] ?? "1",
            ["fault"] = fault["results[0].id"]!,
            ["portal"] = (await server.GetAsync($"{Tickets}/{ticket["id"]}")).Expect(200)["url"] is { } url ? Regex.Match(url, "/contacts/([0-9]+)/").Groups[1].Value : "",
            ["ticket"] = ticket["id"]!,
            ["archived"] = archived["id"]!,
            ["unique"] = Unique,
            ["property"] = property["name"]!,
            ["group"] = group["name"]!,
            ["pipeline"] = pipeline["id"]!,
            ["stage"] = pipeline["stages[0].id"]!,
            ["app"] = app["id"]!,
            ["client"] = client["clientId"]!,
            ["user"] = user["id"]!,
            ["type"] = type["objectTypeId"]!,
            ["association"] = type["associations[18].id"]!,
            ["label"] = label["results[0].typeId"]!,
            ["email"] = Email,
            ["job"] = job["id"]!,
            ["sequence"] = "1",
        };
    }

    /// <summary>Whether a key of <see cref="Attempts"/> stands for dated routes only: v3 itself has others, or none.</summary>
    internal static bool IsOnlyDated(string key) => key == "POST /crm/v3/objects/{objectType}/gdpr-delete"
        || (key.Contains("/crm/v3/", StringComparison.Ordinal) && (key.EndsWith("/associations/{toObjectType}/{toId}", StringComparison.Ordinal) || key.Contains("/default", StringComparison.Ordinal) || key.Contains("/labels", StringComparison.Ordinal) || key.Contains("/configurations", StringComparison.Ordinal)));

    static async Task<(long Id, string Token)> CreateOtherAsync(TestServer server)
    {
        await using var portals = await server.OpenPortalsAsync();
        var id = (await portals.CreateAsync("other")).Id;
        return (id, (await portals.Apps.CreatePrivateAsync(id, "other", [.. ScopeNames.All.Except(ScopeNeed.Portals.AnyOf)])).Token);
    }

    /// <summary>The requests by which a route is tried: path with query, and body.</summary>
    internal static IEnumerable<(string Target, string Body)> AttemptsOn(RouteEndpoint endpoint, Dictionary<string, string> owned)
    {
        var route = $"{MethodOf(endpoint)} {OtherSchemas().Replace(DatedOthers().Replace(Dated().Replace(PathOf(endpoint), match => ApiVersion.V3.Prefix(match.Groups[1].Value)), "/$1/v3"), "/crm/v3/schemas")}";
        Assert.True(Attempts.TryGetValue(route, out var attempts), $"A new route: say in PortalWallTests.Attempts how {route} is tried with what belongs to another portal.");
        foreach (var attempt in attempts)
        {
            var split = !attempt.StartsWith('?') ? 0 : attempt.IndexOf(' ', StringComparison.Ordinal) is var at and >= 0 ? at : attempt.Length;
            var (query, body) = (Fill(attempt[..split], owned), Fill(attempt[split..].TrimStart(), owned));
            foreach (var filled in Filled(PathOf(endpoint), owned))
            {
                yield return (filled + query, body);
            }
        }
    }

    static string PathOf(RouteEndpoint endpoint) => "/" + endpoint.RoutePattern.RawText!.Trim('/');

    /// <summary>The path with each object of the portal in its places.</summary>
    static IEnumerable<string> Filled(string path, Dictionary<string, string> owned)
    {
        string[] names = path.Contains("/jobs/", StringComparison.Ordinal) ? ["job"]
            : path.Contains("/groups/", StringComparison.Ordinal) ? ["group"]
            : path.Contains("{name}", StringComparison.Ordinal) ? ["property"]
            : path.Contains("{id}", StringComparison.Ordinal) || path.Contains("{toId}", StringComparison.Ordinal) ? ["ticket", "archived"]
            : path.Contains("{email}", StringComparison.Ordinal) || path.Contains("{domain}", StringComparison.Ordinal) ? ["email"]
            : path.Contains("{appId}", StringComparison.Ordinal) ? ["app"]
            : path.Contains("{accountId}", StringComparison.Ordinal) || path.Contains("{portalId}", StringComparison.Ordinal) ? ["portal"]
            : path.Contains("{token}", StringComparison.Ordinal) ? ["client"]
            : path.Contains("{faultId}", StringComparison.Ordinal) ? ["fault"]
            : path.Contains("{typeId}", StringComparison.Ordinal) ? ["type"]
            : path.Contains("{associationId}", StringComparison.Ordinal) ? ["association"]
            : path.Contains("{associationTypeId}", StringComparison.Ordinal) ? ["label"]
            : path.Contains("{snapshotId}", StringComparison.Ordinal) ? ["snapshot"]
            : path.Contains("{userId}", StringComparison.Ordinal) || path.Contains("{ownerId}", StringComparison.Ordinal) ? ["user"]
            : [""];
        foreach (var name in names)
        {
            var filled = path.Replace("{objectType}", "tickets", StringComparison.Ordinal).Replace("{toObjectType}", "tickets", StringComparison.Ordinal).Replace("{pipelineId}", owned["pipeline"], StringComparison.Ordinal).Replace("{stageId}", owned["stage"], StringComparison.Ordinal);
            filled = name.Length == 0 ? filled : Place().Replace(filled, owned[name]);
            Assert.DoesNotMatch(Place(), filled); // a new place: add it to the list above
            yield return filled;
        }
    }

    static string Fill(string text, Dictionary<string, string> owned) => Name().Replace(text, match => owned[match.Groups[1].Value]);

    /// <summary>Everything that identifies the first portal.</summary>
    internal static async Task<string> EverythingAsync(TestServer server)
    {
        var all = new List<string>();
        var properties = string.Join(',', (await server.GetAsync("/crm/v3/properties/tickets")).Expect(200).Json!["results"]!.AsArray().Select(property => property!["name"]!.ToString()).Where(name => !name.Contains("time_in", StringComparison.Ordinal)));
        foreach (var path in (string[])
        [
            $"{Tickets}?limit=50&properties={properties}&propertiesWithHistory=subject,ext_id,their_property,content,hubspot_owner_id", $"{Tickets}?limit=50&archived=true&properties={properties}",
            "/crm/v3/properties/tickets", "/crm/v3/properties/tickets?archived=true", "/crm/v3/properties/tickets/groups", "/crm/v3/pipelines/tickets", "/crm/v3/pipelines/tickets/0/audit", "/crm/v3/owners", "/crm/v3/owners?archived=true",
            "/docket/v1/changes?limit=1000", "/docket/v1/jobs", "/docket/v1/settings", "/docket/v1/apps", "/docket/v1/users", "/crm/v4/associations/tickets/tickets/labels", "/crm/v4/associations/definitions/configurations/all",
        ])
        {
            all.Add((await server.GetAsync(path)).Expect(200).Text);
        }

        foreach (var job in JsonNode.Parse(all[10])!["results"]!.AsArray())
        {
            all.Add((await server.GetAsync($"/docket/v1/jobs/{job!["id"]}/results")).Expect(200).Text);
        }

        foreach (var pipeline in JsonNode.Parse(all[5])!["results"]!.AsArray())
        {
            all.Add((await server.GetAsync($"/crm/v3/pipelines/tickets/{pipeline!["id"]}/audit")).Expect(200).Text);
        }

        return string.Join('\n', all);
    }

    /// <summary>The rows of docket.db that are not the other portal's.</summary>
    internal static async Task<List<string>> RowsAsync(TestServer server, long otherId)
    {
        if (TestEngine.IsPostgres)
        {
            using var database = await server.OpenBackDoorAsync();
            var all = new List<string>();
            foreach (var (table, whose) in (ReadOnlySpan<(string, string)>)[
                ("portal", "id"), ("app", "portal"), ("app_token", "0"), ("\"user\"", "portal"), ("session", "0"), ("sign_in_attempt", "0"), ("oauth_grant", "portal"), ("oauth_access", "0"), ("usage", "portal")])
            {
                all.AddRange(database.QueryText($"SELECT string_agg('{table.Trim('"')}: ' || t::text, chr(10)) FROM {table} t WHERE {whose} <> {otherId}").Split('\n'));
            }

            return all;
        }

        using var registry = new Connection(System.IO.Path.Combine(server.DataDirectory, "docket.db"), create: false);
        var tables = new List<(string Name, List<string> Columns)>();
        using (var select = registry.Prepare("SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'identity'")) // which counts all changes
        {
            while (select.Step())
            {
                if (tables.Count == 0 || tables[^1].Name != select.Text(0))
                {
                    tables.Add((select.Text(0), []));
                }

                tables[^1].Columns.Add(select.Text(1));
            }
        }

        var rows = new List<string>();
        foreach (var (name, columns) in tables)
        {
            var portal = name == "portal" ? "id" : columns.Contains("portal") ? "portal" : "0";
            using var select = registry.Prepare($"SELECT concat_ws('|', {string.Join(", ", columns.Select(column => $"quote({column})"))}) FROM {name} WHERE {portal} <> ?");
            select.Bind(otherId);
            while (select.Step())
            {
                rows.Add($"{name}: {select.Text(0)}");
            }
        }

        return rows;
    }

    internal static string MethodOf(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<Microsoft.AspNetCore.Routing.HttpMethodMetadata>()!.HttpMethods[0];

    internal static async Task<(Answer Answer, string Headers)> SendAsync(HttpClient client, string method, string path, string body = "")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body.Length > 0)
        {
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, body[0] == '{' ? "application/json" : "application/x-www-form-urlencoded");
        }

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return (await Answer.OfAsync(response), response.Headers.ToString());
    }

    /// <summary>The API of a dated path.</summary>
    [GeneratedRegex(@"^/crm/(\w+)/\d{4}-\d\d[^/]*")]
    private static partial Regex Dated();

    [GeneratedRegex(@"^/(account-info|oauth|appinstalls|crm-object-schemas)/\d{4}-\d\d[^/]*")]
    private static partial Regex DatedOthers();

    /// <summary>A place for an id in a path.</summary>
    [GeneratedRegex("^/crm-object-schemas/v3/schemas")]
    private static partial Regex OtherSchemas();

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Place();

    /// <summary>A path that names one thing.</summary>
    [GeneratedRegex(@"\{(?!objectType|toObjectType)\w+\}")]
    private static partial Regex Named();

    [GeneratedRegex(@"\$(\w+)")]
    private static partial Regex Name();
}
