using System.Net.Http.Headers;
using Docket.Model;
using Docket.Schemas;
using Docket.Writes;

namespace Docket.Tests.Types;

/// <summary>The object types that a portal creates (reference/properties-pipelines-search-associations.md 8, reference/objects-other-than-tickets.md 7).</summary>
public sealed class CustomObjectTests
{
    const string Schemas = "/crm-object-schemas/v3/schemas", Cars = "/crm/v3/objects/p_cars";

    const string Create = """
        {"name":"cars","labels":{"singular":"Car","plural":"Cars"},"primaryDisplayProperty":"model","secondaryDisplayProperties":["vin"],"searchableProperties":["model","vin"],
         "requiredProperties":["model"],"associatedObjects":["CONTACT"],"properties":[
          {"name":"vin","label":"VIN","type":"string","fieldType":"text","hasUniqueValue":true},
          {"name":"model","label":"Model","type":"string","fieldType":"text"},
          {"name":"wheels","label":"Wheels","type":"number","fieldType":"number","groupName":"cars_information"}]}
        """;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>reference/objects-other-than-tickets.md 12.38.</summary>
    [Fact]
    public async Task A_bare_type_has_a_group_a_searchable_id_and_nine_pairs_of_associations()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Empty((await server.GetAsync(Schemas)).Expect(200).Json!["results"]!.AsArray());
        var created = (await server.PostAsync(Schemas, """{"name":"Cars","labels":{"singular":"Car","plural":"Cars"},"primaryDisplayProperty":"hs_object_id","searchableProperties":[]}""")).Expect(201);
        Assert.Equal(("Cars", "2-1", "1", $"p{server.PortalId}_Cars"), (created["name"], created["objectTypeId"], created["id"], created["fullyQualifiedName"]));
        Assert.Equal(("""["hs_object_id"]""", "[]", "[]", "true", "PORTAL_SPECIFIC"), (
            created.Json!["searchableProperties"]!.ToJsonString(), created.Json["requiredProperties"]!.ToJsonString(), created.Json["secondaryDisplayProperties"]!.ToJsonString(), created["allowsSensitiveProperties"], created["metaType"]));
        Assert.Equal($"{Schemas}/2-1", created.Headers.Location!.OriginalString);
        var group = Assert.Single((await server.GetAsync("/crm/v3/properties/2-1/groups")).Expect(200).Json!["results"]!.AsArray());
        Assert.Equal(("Cars_information", "Car Information"), (group!["name"]!.ToString(), group["label"]!.ToString()));
        Assert.All(created.Json["properties"]!.AsArray(), property => Assert.Equal(("Cars_information", true), (property!["groupName"]!.ToString(), property["hubspotDefined"]!.GetValue<bool>())));

        // Each pair twice: both directions, one name, ids that follow each other.
        var associations = created.Json["associations"]!.AsArray();
        Assert.Equal(18, associations.Count);
        foreach (var (place, pair) in associations.Chunk(2).Index())
        {
            Assert.Equal(($"{(2 * place) + 1}", $"{(2 * place) + 2}"), (pair[0]!["id"]!.ToString(), pair[1]!["id"]!.ToString()));
            Assert.Equal(("2-1", pair[0]!["toObjectTypeId"]!.ToString()), (pair[0]!["fromObjectTypeId"]!.ToString(), pair[1]!["fromObjectTypeId"]!.ToString()));
            Assert.Equal(pair[0]!["name"]!.ToString(), pair[1]!["name"]!.ToString());
            Assert.Equal("ONE_TO_MANY", pair[0]!["cardinality"]!.ToString());
            Assert.Null(pair[0]!["createdAt"]);
        }

        Assert.Contains(associations, one => one!["name"]!.ToString() == "Cars_to_note" && one["toObjectTypeId"]!.ToString() == "0-46");
        Assert.Equal(created.Text, (await server.GetAsync(Schemas + "/2-1")).Expect(200).Text);
        Assert.Equal(created.Text, (await server.GetAsync(Schemas + "/p_cars")).Expect(200).Text);
        Assert.Equal((await server.GetAsync(Schemas)).Expect(200).Text, (await server.GetAsync("/crm/v3/schemas")).Expect(200).Text);
        var bare = (await server.GetAsync(Schemas + "/2-1?includePropertyDefinitions=false&includeAssociationDefinitions=false&includeAuditMetadata=false")).Expect(200);
        Assert.Equal((0, 0, null), (bare.Count("properties"), bare.Count("associations"), bare["createdByUserId"]));
        Assert.Equal(2, (await server.PostAsync(Schemas + "/batch/read", """{"inputs":["2-1","contacts"],"includePropertyDefinitions":false}""")).Expect(200).Count("results"));
    }

    /// <summary>reference/objects-other-than-tickets.md 12.39.</summary>
    [Fact]
    public async Task A_bare_name_is_refused_in_paths_and_the_other_spellings_work()
    {
        await using var server = await StartAsync();
        var refused = (await server.GetAsync("/crm/v3/objects/cars")).Expect(400);
        Assert.Equal(("Unable to infer object type from: cars", null), (refused["message"], refused["category"]));
        foreach (var spelling in (string[])["2-1", "p_cars", "P_CARS", $"p{server.PortalId}_cars"])
        {
            (await server.GetAsync($"/crm/v3/objects/{spelling}")).Expect(200);
            (await server.GetAsync($"/crm/v3/properties/{spelling}/model")).Expect(200);
            Assert.Equal("2-1", (await server.GetAsync($"{Schemas}/{spelling}")).Expect(200)["objectTypeId"]);
        }

        Assert.Equal("Invalid object or event type id: 2-9", (await server.GetAsync("/crm/v3/objects/2-9")).Expect(400)["message"]);
    }

    /// <summary>reference/objects-other-than-tickets.md 12.40.</summary>
    [Fact]
    public async Task A_type_is_deleted_without_records_then_purged_once_and_its_number_never_comes_back()
    {
        await using var server = await StartAsync();
        var id = (await server.PostAsync(Cars, """{"properties":{"model":"SECRET","vin":"1"}}""")).Expect(201)["id"];
        var refused = (await server.DeleteAsync(Schemas + "/2-1")).Expect(400);
        Assert.Equal(
            ("Object type 2-1 cannot be deleted until all object records are deleted", "VALIDATION_ERROR", "ObjectSchemaError.EXISTING_OBJECT_RECORDS"), (refused["message"], refused["category"], refused["subCategory"]));
        Assert.Equal("Couldn't find soft-deleted object type(s)", (await server.DeleteAsync(Schemas + "/2-1?archived=true")).Expect(400)["message"]);
        (await server.DeleteAsync($"{Cars}/{id}")).Expect(204);
        (await server.DeleteAsync(Schemas + "/2-1")).Expect(204);
        Assert.Equal(0, (await server.GetAsync(Schemas)).Expect(200).Count("results"));
        var archived = (await server.GetAsync(Schemas + "?archived=true")).Expect(200);
        Assert.Equal((1, "true", "true", 0, 0), (archived.Count("results"), archived["results[0].archived"], archived["results[0].restorable"], archived.Count("results[0].properties"), archived.Count("results[0].associations")));
        Assert.Equal("Unable to infer object type from: p_cars", (await server.GetAsync(Cars)).Expect(400)["message"]);
        Assert.Equal("Invalid object or event type id: 2-1", (await server.DeleteAsync(Schemas + "/2-1")).Expect(400)["message"]);
        (await server.DeleteAsync(Schemas + "/2-1?archived=true")).Expect(204);
        Assert.Equal("Couldn't find soft-deleted object type(s)", (await server.DeleteAsync(Schemas + "/2-1?archived=true")).Expect(400)["message"]);
        Assert.Equal(0, (await server.GetAsync(Schemas + "?archived=true")).Expect(200).Count("results"));

        // Its archived records are gone for good, and what happened to them still is in the feed.
        var changes = (await server.GetAsync("/docket/v1/changes")).Expect(200);
        Assert.Equal("2-1", changes["results[0].objectType"]);
        Assert.DoesNotContain("SECRET", changes.Text, StringComparison.Ordinal);
        Assert.Equal("2-2", (await server.PostAsync(Schemas, Create)).Expect(201)["objectTypeId"]);
        (await server.PostAsync(Cars, """{"properties":{"model":"another","vin":"1"}}""")).Expect(201);
    }

    [Fact]
    public async Task The_name_of_an_archived_type_makes_a_new_one_and_purges_the_old()
    {
        await using var server = await StartAsync();
        var id = (await server.PostAsync(Cars, """{"properties":{"model":"SECRET"}}""")).Expect(201)["id"];
        (await server.DeleteAsync($"{Cars}/{id}")).Expect(204);
        (await server.DeleteAsync(Schemas + "/2-1")).Expect(204);
        (await server.PostAsync(Schemas, """{"name":"cars","labels":{"singular":"Car","plural":"Cars"},"primaryDisplayProperty":"unknown"}""")).Expect(400); // deletes nothing
        Assert.Contains("SECRET", (await server.GetAsync("/docket/v1/changes")).Text, StringComparison.Ordinal);
        Assert.Equal("2-2", (await server.PostAsync(Schemas, Create.Replace("\"cars\"", "\"CARS\"", StringComparison.Ordinal).Replace("cars_information", "CARS_information", StringComparison.Ordinal))).Expect(201)["objectTypeId"]);
        Assert.Equal(1, (await server.GetAsync(Schemas + "?archived=true")).Count("results"));
        Assert.DoesNotContain("SECRET", (await server.GetAsync("/docket/v1/changes")).Text, StringComparison.Ordinal);
        Assert.Equal(0, (await server.GetAsync(Cars + "?archived=true")).Expect(200).Count("results"));
    }

    public static TheoryData<string, int, string?, string> Refused => new()
    {
        { """{"labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 400, null, "Invalid input JSON on line 1, column 80: Cannot build ObjectSchemaEgg, some of required attributes are not set [name]" },
        { """{"name":"a","primaryDisplayProperty":"hs_object_id"}""", 400, null, "Cannot build ObjectSchemaEgg, some of required attributes are not set [labels]" },
        { """{"name":"a","labels":{"singular":"a"},"primaryDisplayProperty":"hs_object_id"}""", 400, null, "some of required attributes are not set [plural]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"}}""", 400, "ObjectSchemaError.PRIMARY_DISPLAY_PROPERTY_REQUIRED", "" },
        { """{"name":"1a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 400, "InboundDbObjectTypeError.OBJECT_TYPE_NAME_FORMAT", "" },
        { """{"name":"a-b","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 400, "InboundDbObjectTypeError.OBJECT_TYPE_NAME_FORMAT", "" },
        { """{"name":"a23456789012345678901234567890123456789012345678901","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 400, "InboundDbObjectTypeError.OBJECT_TYPE_NAME_FORMAT", "" },
        { """{"name":"a","labels":{"singular":"a23456789012345678901234567890123456789012345678901","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 400, null, "Labels have 1 to 50 characters" },
        { """{"name":"CARS","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 409, "InboundDbObjectTypeError.OBJECT_TYPE_ALREADY_EXIST", "" },
        { """{"name":"cars","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""", 409, "InboundDbObjectTypeError.OBJECT_TYPE_ALREADY_EXIST", "" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"x"}""", 400, "ObjectSchemasSandboxesSyncErrorType.INVALID_PRIMARY_DISPLAY_PROPERTY", "[x]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","secondaryDisplayProperties":["x"]}""", 400, "ObjectSchemasSandboxesSyncErrorType.INVALID_SECONDARY_DISPLAY_PROPERTIES", "[x]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","secondaryDisplayProperties":["hs_object_id","hs_object_id"]}""", 400, "ObjectSchemasSandboxesSyncErrorType.INVALID_SECONDARY_DISPLAY_PROPERTIES", "2" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","searchableProperties":["x"]}""", 400, "ObjectSchemasSandboxesSyncErrorType.INVALID_SEARCHABLE_PROPERTIES", "[x]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","requiredProperties":["x"]}""", 400, "InvalidPropertiesError.INVALID_REQUIRED_PROPERTIES", "[x]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","associatedObjects":["nothing"]}""", 400, null, "Unable to infer object type from: nothing" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","properties":[{"name":"x","type":"string","fieldType":"text"}]}""", 400, null, "some of required attributes are not set [label]" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","properties":{}}""", 400, null, "Cannot deserialize instance of `java.util.ArrayList` out of START_OBJECT token" },
        { """{"name":"a","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id","properties":[{"name":"X","label":"x","type":"string","fieldType":"text"}]}""", 400, "PropertyValidationError.INVALID_PROPERTY_NAME", "" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_create_that_is_refused_says_why_and_makes_nothing(string body, int status, string? subCategory, string message)
    {
        await using var server = await StartAsync();
        var refused = (await server.PostAsync(Schemas, body)).Expect(status);
        Assert.Equal(subCategory, refused["subCategory"]);
        Assert.Contains(message, refused["message"], StringComparison.Ordinal);
        Assert.Equal(1, (await server.GetAsync(Schemas + "?archived=true")).Count("results"));
    }

    [Fact]
    public async Task A_change_keeps_what_it_does_not_name_and_ignores_the_name()
    {
        await using var server = await StartAsync();
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var changed = (await server.PatchAsync(Schemas + "/p_cars", """
            {"name":"other","labels":{"plural":"Autos"},"description":"with wheels","secondaryDisplayProperties":["wheels","vin"],"associatedObjects":["deals"],"unknown":1}
            """)).Expect(200);
        Assert.Equal(("cars", "Car", "Autos", "with wheels", "model"), (changed["name"], changed["labels.singular"], changed["labels.plural"], changed["description"], changed["primaryDisplayProperty"]));
        Assert.Equal("""["wheels","vin"]""", changed.Json!["secondaryDisplayProperties"]!.ToJsonString());
        Assert.NotEqual(changed["createdAt"], changed["updatedAt"]);
        Assert.False(changed.Has("properties"));
        Assert.Equal("""["model"]""", (await server.GetAsync(Schemas + "/2-1")).Json!["requiredProperties"]!.ToJsonString());
        Assert.False((await server.PatchAsync(Schemas + "/2-1", """{"clearDescription":true}""")).Expect(200).Has("description"));
        Assert.Equal("InvalidPropertiesError.INVALID_REQUIRED_PROPERTIES", (await server.PatchAsync(Schemas + "/2-1", """{"requiredProperties":["x"]}""")).Expect(400)["subCategory"]);
        Assert.Equal(
            "InboundDbObjectTypeError.SENSITIVE_PROPERTIES_SUPPORT_CANNOT_BE_TURNED_OFF", (await server.PatchAsync(Schemas + "/2-1", """{"allowsSensitiveProperties":false}""")).Expect(400)["subCategory"]);
        Assert.Equal("Invalid object or event type id: 2-7", (await server.PatchAsync(Schemas + "/2-7", "{}")).Expect(400)["message"]);
        (await server.PatchAsync(Schemas + "/contacts", """{"description":"x"}""")).Expect(400);
        (await server.DeleteAsync(Schemas + "/contacts")).Expect(400);

        // What the definition requires, new records need from now on.
        (await server.PatchAsync(Schemas + "/2-1", """{"requiredProperties":["vin"]}""")).Expect(200);
        (await server.PostAsync(Cars, """{"properties":{"model":"a"}}""")).Expect(400);
        (await server.PostAsync(Cars, """{"properties":{"vin":"a"}}""")).Expect(201);
    }

    [Fact]
    public async Task HubSpots_own_types_are_read_as_schemas_too()
    {
        await using var server = await StartAsync();
        var contacts = (await server.GetAsync(Schemas + "/contacts?includePropertyDefinitions=false")).Expect(200);
        Assert.Equal(("HUBSPOT", "1", "CONTACT", "CONTACT", "0-1", "firstname"), (contacts["metaType"], contacts["id"], contacts["fullyQualifiedName"], contacts["name"], contacts["objectTypeId"], contacts["primaryDisplayProperty"]));
        Assert.Equal("""["lastname","email","phone"]""", contacts.Json!["secondaryDisplayProperties"]!.ToJsonString());
        Assert.Equal(["cars_to_contact", "cars_to_contact"], contacts.Json["associations"]!.AsArray().Select(one => one!["name"]!.ToString()));
        var tickets = (await server.GetAsync("/crm/v3/schemas/0-5")).Expect(200);
        Assert.Equal(("TICKET", (await server.GetAsync("/crm/v3/properties/tickets")).Count("results")), (tickets["name"], tickets.Count("properties")));
        Assert.Equal("Unable to infer object type from: nothing", (await server.GetAsync(Schemas + "/nothing")).Expect(400)["message"]);
    }

    [Fact]
    public async Task Records_have_required_and_unique_properties_and_are_found_by_the_searchable_ones()
    {
        await using var server = await StartAsync();
        var missing = (await server.PostAsync(Cars, """{"properties":{"vin":"1"}}""")).Expect(400);
        Assert.Equal(("Error creating PermanentCustomObject. Some required properties were not set.", "model"), (missing["message"], missing["context.properties[0]"]));
        var first = (await server.PostAsync(Cars, """{"properties":{"vin":"1","model":"red roadster","wheels":"4"}}""")).Expect(201);
        Assert.Equal($"https://app.hubspot.com/contacts/{server.PortalId}/record/2-1/{first["id"]}", first["url"]);
        var taken = (await server.PostAsync(Cars, """{"properties":{"vin":"1","model":"b"}}""")).Expect(400);
        Assert.Contains($"PropertyValueCoordinates{{portalId={server.PortalId}, objectTypeId=ObjectTypeId{{innerId=2-1}}, propertyName=vin, value=1}} on ", taken["message"], StringComparison.Ordinal);
        Assert.EndsWith($". {first["id"]} already has that value.", taken["message"], StringComparison.Ordinal);

        var upserted = (await server.PostAsync(Cars + "/batch/upsert", """{"inputs":[{"idProperty":"vin","id":"1","properties":{"wheels":"3"}},{"idProperty":"vin","id":"2","properties":{"model":"blue","wheels":"4"}}]}""")).Expect(200);
        Assert.Equal(("false", "true"), (upserted["results[0].new"], upserted["results[1].new"]));
        Assert.Equal("3", (await server.GetAsync($"{Cars}/1?idProperty=vin&properties=wheels&propertiesWithHistory=wheels")).Expect(200)["propertiesWithHistory.wheels[0].value"]);
        Assert.Equal((1, first["id"]), ((await SearchAsync("""{"query":"road"}""")).Count("results"), (await SearchAsync("""{"query":"road"}"""))["results[0].id"]));
        Assert.Equal("1", (await SearchAsync("""{"filterGroups":[{"filters":[{"propertyName":"wheels","operator":"EQ","value":"3"}]}]}"""))["total"]);
        Assert.Equal("2", (await SearchAsync("""{"sorts":["model"]}"""))["total"]);

        var merged = (await server.PostAsync("/crm/objects/2025-09/2-1/merge", $$"""{"primaryObjectId":"{{first["id"]}}","objectIdToMerge":"{{upserted["results[1].id"]}}"}""")).Expect(200);
        Assert.Equal(merged["id"], (await server.GetAsync($"{Cars}/{first["id"]}")).Expect(200)["id"]);
        (await server.PostAsync("/docket/v1/objects/p_cars/gdpr-delete", """{"objectId":"1","idProperty":"vin"}""")).Expect(204);
        Assert.Equal("0", (await SearchAsync("{}"))["total"]);
        Assert.All((await server.GetAsync("/docket/v1/changes")).Json!["results"]!.AsArray(), change => Assert.Equal("2-1", change!["objectType"]!.ToString()));

        async Task<Answer> SearchAsync(string body) => (await server.PostAsync(Cars + "/search", body)).Expect(200);
    }

    [Fact]
    public async Task A_job_writes_records_of_a_custom_type()
    {
        await using var server = await StartAsync();
        using var later = new HttpRequestMessage(HttpMethod.Post, Cars + "/batch/create") { Content = new StringContent("""{"inputs":[{"properties":{"model":"a"}},{"properties":{"model":"b"}}]}""", new MediaTypeHeaderValue("application/json")) };
        later.Headers.Add("Prefer", "respond-async");
        using var response = await server.Http.SendAsync(later, Cancellation);
        var ended = await server.EndOfJobAsync((await Answer.OfAsync(response)).Expect(202)["id"]);
        Assert.Equal(("COMPLETE", "2", "2-1"), (ended["status"], ended["created"], ended["objectTypeId"]));
        Assert.Equal(2, (await server.GetAsync(Cars)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task The_first_pipeline_brings_the_properties_of_a_stage_whose_metadata_is_a_state()
    {
        await using var server = await StartAsync();
        Assert.Equal(0, (await server.GetAsync("/crm/v3/pipelines/2-1")).Expect(200).Count("results"));
        (await server.GetAsync("/crm/v3/properties/2-1/hs_pipeline_stage")).Expect(404);
        (await server.PostAsync("/crm/v3/properties/2-1", """{"name":"hs_pipeline","label":"x","type":"string","fieldType":"text","groupName":"cars_information"}""")).Expect(400);
        var early = (await server.PostAsync(Cars, """{"properties":{"model":"early"}}""")).Expect(201);
        var pipeline = (await server.PostAsync("/crm/v3/pipelines/p_cars", """{"label":"Sales","displayOrder":0,"stages":[{"label":"New","displayOrder":0,"stageId":"car-new"},{"label":"Sold","displayOrder":1,"stageId":"car-sold","metadata":{"state":"CLOSED","other":"x"}}]}""")).Expect(201);
        Assert.Equal("""{"state":"OPEN","isClosed":"false"}""", pipeline.Json!["stages"]![0]!["metadata"]!.ToJsonString());
        Assert.Equal("""{"state":"CLOSED","isClosed":"true"}""", pipeline.Json["stages"]![1]!["metadata"]!.ToJsonString());
        Assert.Equal("PipelineError.INVALID_PIPELINE_STAGE_METADATA", (await server.PostAsync($"/crm/v3/pipelines/2-1/{pipeline["id"]}/stages", """{"label":"x","displayOrder":2,"metadata":{"state":"closed"}}""")).Expect(400)["subCategory"]);
        Assert.Equal("true", (await server.GetAsync("/crm/v3/properties/2-1/hs_pipeline_stage")).Expect(200)["externalOptions"]);
        var placed = (await server.PatchAsync($"{Cars}/{early["id"]}", $$$"""{"properties":{"hs_pipeline":"{{{pipeline["id"]}}}","hs_pipeline_stage":"car-new"}}""")).Expect(200);
        Assert.Equal((pipeline["id"], "car-new"), (placed["properties.hs_pipeline"], placed["properties.hs_pipeline_stage"]));
        Assert.Contains("is not a valid pipeline stage ID", (await server.PostAsync(Cars, """{"properties":{"model":"b","hs_pipeline_stage":"nowhere"}}""")).Expect(400).Text, StringComparison.Ordinal);
        Assert.Equal("PipelineError.STAGE_ID_IN_USE", (await server.DeleteAsync($"/crm/v3/pipelines/2-1/{pipeline["id"]}/stages/car-new?validateReferencesBeforeDelete=true")).Expect(400)["subCategory"]);
    }

    [Fact]
    public async Task A_property_that_the_definition_refers_to_stays()
    {
        await using var server = await StartAsync();
        var refused = (await server.DeleteAsync("/crm/v3/properties/2-1/vin")).Expect(400);
        Assert.Equal(("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE", "OBJECT_SCHEMA", "cars"), (refused["subCategory"], refused["errors[0].context.parentType[0]"], refused["errors[0].context.parentName[0]"]));
        (await server.DeleteAsync("/crm/v3/properties/2-1/wheels")).Expect(204);
        (await server.PatchAsync(Schemas + "/2-1", """{"secondaryDisplayProperties":[],"searchableProperties":["model"]}""")).Expect(200);
        (await server.DeleteAsync("/crm/v3/properties/2-1/vin")).Expect(204);
        Assert.DoesNotContain((await server.GetAsync(Schemas + "/2-1")).Json!["properties"]!.AsArray(), property => property!["name"]!.ToString() is "vin" or "wheels");
    }

    [Fact]
    public async Task Association_definitions_are_made_for_both_directions_and_removed_with_either_id()
    {
        await using var server = await StartAsync();
        (await server.PostAsync(Schemas, """{"name":"garages","labels":{"singular":"Garage","plural":"Garages"},"primaryDisplayProperty":"hs_object_id"}""")).Expect(201);
        var made = (await server.PostAsync(Schemas + "/2-1/associations", """{"fromObjectTypeId":"2-1","toObjectTypeId":"p_garages","name":"parked"}""")).Expect(201);
        Assert.Equal(("2-1", "2-2", "parked"), (made["fromObjectTypeId"], made["toObjectTypeId"], made["name"]));
        Assert.NotNull(made["createdAt"]);
        Assert.Equal([("2-1", "2-2"), ("2-2", "2-1")], await PairsAsync("2-1", "parked"));
        Assert.Equal([("2-1", "2-2"), ("2-2", "2-1")], await PairsAsync("2-2", "parked"));
        var itself = (await server.PostAsync(Schemas + "/2-1/associations", """{"fromObjectTypeId":"2-1","toObjectTypeId":"p_cars"}""")).Expect(400);
        Assert.Equal(("Cannot create association definition with itself: 2-1", "ObjectSchemaError.CANNOT_ASSOCIATE_OBJECT_TYPE_WITH_ITSELF"), (itself["message"], itself["subCategory"]));
        Assert.Equal("Association definition named parked already exists for portal", (await server.PostAsync(Schemas + "/2-1/associations", """{"fromObjectTypeId":"2-1","toObjectTypeId":"tickets","name":"parked"}""")).Expect(400)["message"]);
        (await server.PostAsync(Schemas + "/contacts/associations", """{"fromObjectTypeId":"contacts","toObjectTypeId":"deals"}""")).Expect(400);
        (await server.PostAsync(Schemas + "/2-2/associations", """{"fromObjectTypeId":"2-1","toObjectTypeId":"tickets"}""")).Expect(400);
        Assert.Equal("cars_to_ticket", (await server.PostAsync(Schemas + "/2-1/associations", """{"fromObjectTypeId":"2-1","toObjectTypeId":"tickets"}""")).Expect(201)["name"]);
        (await server.DeleteAsync($"{Schemas}/2-2/associations/{int.Parse(made["id"]!) + 1}")).Expect(204);
        Assert.Empty(await PairsAsync("2-1", "parked"));
        (await server.DeleteAsync($"{Schemas}/2-2/associations/{made["id"]}")).Expect(404);

        // Ids belong to the portal, and those of an archived type stay its own.
        (await server.DeleteAsync(Schemas + "/2-1")).Expect(204);
        var ids = (await server.PostAsync(Schemas, """{"name":"roads","labels":{"singular":"Road","plural":"Roads"},"primaryDisplayProperty":"hs_object_id"}""")).Expect(201).Json!["associations"]!.AsArray().Select(one => int.Parse(one!["id"]!.ToString())).ToList();
        Assert.True(ids.Min() > int.Parse(made["id"]!) + 1);
        Assert.Empty((await server.GetAsync(Schemas + "/contacts")).Json!["associations"]!.AsArray());

        async Task<List<(string, string)>> PairsAsync(string type, string name) =>
            [.. (await server.GetAsync($"{Schemas}/{type}")).Expect(200).Json!["associations"]!.AsArray().Where(one => one!["name"]!.ToString() == name).Select(one => (one!["fromObjectTypeId"]!.ToString(), one["toObjectTypeId"]!.ToString()))];
    }

    [Fact]
    public async Task Scopes_open_the_types_the_records_and_the_properties()
    {
        await using var server = await StartAsync();
        using var readsRecords = server.NewClient(await server.CreateTokenAsync("crm.objects.custom.read"));
        using var changesTypes = server.NewClient(await server.CreateTokenAsync("crm.schemas.custom.write"));
        using var other = server.NewClient(await server.CreateTokenAsync("tickets"));
        foreach (var (client, method, path, named) in ((HttpClient, HttpMethod, string, string?)[])
        [
            (readsRecords, HttpMethod.Get, Schemas, null), (readsRecords, HttpMethod.Get, Cars, null), (readsRecords, HttpMethod.Get, "/crm/v3/properties/2-1", null),
            (readsRecords, HttpMethod.Post, Cars, "crm.objects.custom.write"), (readsRecords, HttpMethod.Delete, "/crm/v3/properties/2-1/wheels", "crm.schemas.custom.write"),
            (changesTypes, HttpMethod.Delete, "/crm/v3/properties/2-1/wheels", null), (changesTypes, HttpMethod.Get, Cars, "crm.schemas.custom.read,crm.objects.custom.read"),
            (other, HttpMethod.Get, "/crm/v3/properties/2-1", "crm.schemas.custom.read"), (other, HttpMethod.Get, Schemas + "/2-1", null),
        ])
        {
            using var response = await client.SendAsync(new(method, path) { Content = method == HttpMethod.Post ? new StringContent("{}", new MediaTypeHeaderValue("application/json")) : null }, Cancellation);
            var answer = await Answer.OfAsync(response);
            Assert.True(named is null == answer.Status < 300, answer.Text);
            Assert.Equal(named, named is null ? null : string.Join(',', answer.Json!["errors"]![0]!["context"]!["requiredGranularScopes"]!.AsArray().Select(scope => scope!.ToString())));
        }

        foreach (var (method, path, scope) in ((HttpMethod, string, string)[])
        [
            (HttpMethod.Get, Schemas, "custom-object-read"), (HttpMethod.Post, Schemas, "custom-object-write"), (HttpMethod.Patch, Schemas + "/2-1", "custom-object-write"),
            (HttpMethod.Delete, Schemas + "/2-1", "custom-object-write"), (HttpMethod.Post, Schemas + "/2-1/associations", "custom-object-write"), (HttpMethod.Delete, Schemas + "/2-1/associations/1", "custom-object-write"),
        ])
        {
            using var response = await other.SendAsync(new(method, path), Cancellation);
            var refused = (await Answer.OfAsync(response)).Expect(403);
            Assert.Equal(
                $$$"""{"status":"error","message":"One or more of the following scopes are required.","correlationId":"{{{refused["correlationId"]}}}","context":{"requiredGranularScopes":["{{{scope}}}"],"links":["https://developers.hubspot.com/scopes"]},"category":"MISSING_SCOPES"}""",
                refused.Text);
        }
    }

    [Fact]
    public async Task Types_records_and_numbers_are_the_same_after_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("docket-types-").FullName;
        try
        {
            string before, id;
            ManualClock clock;
            await using (var server = await TestServer.StartAsync(directory))
            {
                clock = server.Clock;
                (await server.PostAsync(Schemas, Create)).Expect(201);
                (await server.PostAsync(Schemas, Create.Replace("cars", "gone", StringComparison.Ordinal))).Expect(201);
                (await server.PostAsync("/crm/v3/objects/2-2", """{"properties":{"model":"a"}}""")).Expect(201);
                (await server.PostAsync("/crm/v3/objects/2-2/batch/archive", $$"""{"inputs":[{"id":"{{(await server.GetAsync("/crm/v3/objects/2-2"))["results[0].id"]}}"}]}""")).Expect(204);
                (await server.DeleteAsync(Schemas + "/2-2")).Expect(204);
                (await server.PostAsync("/crm/v3/pipelines/2-1", """{"label":"Sales","displayOrder":0,"stages":[{"label":"New","displayOrder":0,"stageId":"car-new"}]}""")).Expect(201);
                id = (await server.PostAsync(Cars, """{"properties":{"vin":"1","model":"a","hs_pipeline_stage":"car-new"}}""")).Expect(201)["id"]!;
                before = (await server.GetAsync(Schemas + "?archived=true")).Text + (await server.GetAsync(Cars)).Text;
            }

            await using (var server = await TestServer.StartAsync(directory, clock: clock))
            {
                Assert.Equal(before, (await server.GetAsync(Schemas + "?archived=true")).Text + (await server.GetAsync(Cars)).Text);
                Assert.Equal(id, (await server.GetAsync(Cars + "/1?idProperty=vin")).Expect(200)["id"]);
                Assert.Equal("1", (await server.PostAsync(Cars + "/search", """{"query":"a"}""")).Expect(200)["total"]);
                Assert.Equal("2-2", (await server.GetAsync("/docket/v1/changes"))["results[0].objectType"]);
                Assert.Equal("2-3", (await server.PostAsync(Schemas, Create.Replace("cars", "next", StringComparison.Ordinal))).Expect(201)["objectTypeId"]);
            }
        }
        finally
        {
            await TestEngine.DeleteAsync(directory);
        }
    }

    [Fact]
    public async Task What_was_validated_before_a_type_was_archived_is_not_written()
    {
        await using var server = await StartAsync();
        var store = await server.Portals.OpenAsync(server.PortalId, Cancellation);
        var schema = store.Schema.Find("p_cars")!;
        var batch = Validation.Check(WriteKind.Create, [new RecordInput { Values = [new("model"u8.ToArray(), "a"u8.ToArray())] }], schema, new Caller(server.PortalId, 0, Scopes.All));
        (await server.DeleteAsync(Schemas + "/2-1")).Expect(204);
        Assert.Equal("Invalid object or event type id: 2-1", (await Assert.ThrowsAsync<Refusal>(() => store.ApplyAsync(batch))).Error.Message);
        await Assert.ThrowsAsync<Refusal>(() => store.ChangeSchemaAsync(schema.Type, content => content with { Groups = [] }));
        Assert.Equal(0, store.Sequence);
    }

    [Fact]
    public async Task Many_types_that_were_purged_cost_no_table_of_numbers_each()
    {
        await using var server = await TestServer.StartAsync();
        var store = await server.Portals.OpenAsync(server.PortalId, Cancellation);
        var input = new TypeCreate { Name = "cars", Labels = new() { Singular = "Car", Plural = "Cars" }, PrimaryDisplayProperty = "hs_object_id" };
        var edit = new TypeEdit(server.PortalId, 1, "0");
        await store.ChangeTypesAsync(portal =>
        {
            for (var i = 0; i < 40; i++)
            {
                portal = TypeRules.Create(portal, input, edit).Portal;
                portal = TypeRules.Purge(TypeRules.Archive(portal, "p_cars", edit).Portal, "p_cars", edit).Portal;
            }

            return portal;
        }, Schemata.Caller);
        Assert.Equal("2-41", (await server.PostAsync(Schemas, Create)).Expect(201)["objectTypeId"]);
        Assert.Equal(1, (await server.GetAsync(Schemas + "?archived=true")).Count("results"));
        (await server.PostAsync(Cars, """{"properties":{"model":"a"}}""")).Expect(201);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_type_survives_a_kill_before_its_first_record()
    {
        var directory = Directory.CreateTempSubdirectory("docket-types-").FullName;
        try
        {
            await using (var server = await ServerProcess.StartAsync(directory))
            {
                (await server.SendAsync(HttpMethod.Post, Schemas, Create)).Expect(201);
                server.Kill();
            }

            await using (var server = await ServerProcess.StartAsync(directory))
            {
                Assert.Equal("2-1", (await server.SendAsync(HttpMethod.Get, Schemas + "/p_cars", "")).Expect(200)["objectTypeId"]);
                (await server.SendAsync(HttpMethod.Post, Cars, """{"properties":{"model":"a","vin":"1"}}""")).Expect(201);
                server.Kill();
            }

            await using (var server = await ServerProcess.StartAsync(directory))
            {
                (await server.SendAsync(HttpMethod.Get, Cars + "/1?idProperty=vin", "")).Expect(200);
                Assert.Equal("ObjectSchemaError.EXISTING_OBJECT_RECORDS", (await server.SendAsync(HttpMethod.Delete, Schemas + "/2-1", "")).Expect(400)["subCategory"]);
            }
        }
        finally
        {
            await TestEngine.DeleteAsync(directory);
        }
    }

    static async Task<TestServer> StartAsync()
    {
        var server = await TestServer.StartAsync();
        (await server.PostAsync(Schemas, Create)).Expect(201);
        return server;
    }
}
