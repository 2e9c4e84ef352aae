using System.Text.Json.Nodes;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Search;

/// <summary>Promise 4, what was acknowledged is found by the next search; and the searches' own rules and errors at their edges.</summary>
public sealed class SearchTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Tickets = "/crm/v3/objects/tickets", Search = Tickets + "/search", Properties = "/crm/v3/properties/tickets";

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Many_clients_find_what_was_just_acknowledged_to_them()
    {
        await using var server = await TestServer.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            for (var round = 0; round < 25; round++)
            {
                var (word, next) = ($"w{client}x{round}", $"n{client}x{round}");
                var id = (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{word}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
                Assert.Equal(["1"], await CountAsync(server, word));
                (await server.PatchAsync($"{Tickets}/{id}", $$$"""{"properties":{"subject":"{{{next}}}"}}""")).Expect(200);
                Assert.Equal(["0", "1"], await CountAsync(server, word, next));
                (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
                Assert.Equal(["0"], await CountAsync(server, next));
            }
        })));
    }

    [Fact]
    public async Task Merged_restored_and_deleted_tickets_are_found_as_reads_show_them()
    {
        await using var server = await TestServer.StartAsync();
        string[] ids = [await CreateAsync("alpha one"), await CreateAsync("beta two")];
        using var other = server.NewClient(await server.CreateTokenAsync(ScopeNames.All));
        using var body = new StringContent($$"""{"primaryObjectId":"{{ids[0]}}","objectIdToMerge":"{{ids[1]}}"}""", System.Text.Encoding.UTF8, "application/json");
        using var answer = await other.PostAsync(Tickets + "/merge", body, TestContext.Current.CancellationToken);
        var merged = (await Answer.OfAsync(answer)).Expect(200)["id"]!;

        // The primary's words and source; nothing of the tickets that are gone.
        Assert.Equal(["1", "0"], await HoldingAsync("alpha", "beta"));
        Assert.Equal("0", (await server.GetAsync($"{Tickets}/{merged}?properties=hs_object_source_id"))["properties.hs_object_source_id"]);
        Assert.Equal(merged, (await server.PostAsync(Search, """{"filters":[{"propertyName":"hs_object_source_id","operator":"EQ","value":"0"}]}""")).Expect(200)["results[0].id"]);
        Assert.Equal(merged, (await server.PostAsync(Search, $$$"""{"filters":[{"propertyName":"hs_merged_object_ids","operator":"EQ","value":"{{{ids[1]}}}"}]}""")).Expect(200)["results[0].id"]);

        (await server.DeleteAsync($"{Tickets}/{merged}")).Expect(204);
        Assert.Equal(["0"], await HoldingAsync("alpha"));
        (await server.PostAsync($"/docket/v1/objects/tickets/{merged}/restore", """{"properties":{"subject":"alpha three"}}""")).Expect(200);
        Assert.Equal(["1", "1", "0"], await HoldingAsync("alpha", "three", "one"));
        (await server.PostAsync("/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"{{ids[1]}}"}""")).Expect(204);
        Assert.Equal(["0", "0"], await HoldingAsync("alpha", "three"));

        async Task<string[]> HoldingAsync(params string[] words)
        {
            var totals = new List<string>();
            foreach (var word in words)
            {
                totals.Add((await server.PostAsync(Search, $$"""{"query":"{{word}}"}""")).Expect(200)["total"]!);
            }

            return [.. totals];
        }

        async Task<string> CreateAsync(string subject) =>
            (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{subject}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_value_of_a_property_that_was_just_made_is_found_while_others_write()
    {
        await using var server = await TestServer.StartAsync();
        using var enough = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                (await server.PostAsync(Tickets, """{"properties":{"subject":"noise","hs_pipeline_stage":"1"}}""")).Expect(201);
                (await server.PostAsync(Search, """{"query":"noise","sorts":["subject"]}""")).Expect(200);
            }
        })).ToArray();
        for (var i = 0; i < 40; i++)
        {
            await server.CreatePropertyAsync($"made_{i}", unique: false);
            (await server.PostAsync(Tickets, $$$"""{"properties":{"made_{{{i}}}":"here","hs_pipeline_stage":"1"}}""")).Expect(201);
            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"made_{{i}}","operator":"EQ","value":"here"}"""));
        }

        await enough.CancelAsync();
        await Task.WhenAll(writers);
    }

    [Fact]
    public async Task A_property_of_another_type_is_searched_by_its_new_type_at_once()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("flex", unique: false);
        foreach (var value in (string[])["12", "7", "100", "abc", "NaN", ""])
        {
            (await server.PostAsync(Tickets, $$$"""{"properties":{"flex":"{{{value}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
        }

        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("3", await TotalAsync(server, """{"propertyName":"flex","operator":"GT","value":"12"}""")); // as a text 100 is less
            Assert.Equal("5", await TotalAsync(server, """{"propertyName":"flex","operator":"HAS_PROPERTY"}"""));
            await RetypeAsync("number", "number");
            Assert.Equal("1", await TotalAsync(server, """{"propertyName":"flex","operator":"GT","value":"12"}"""));
            Assert.Equal("1", await TotalAsync(server, """{"propertyName":"flex","operator":"LT","value":"12"}"""));
            await RetypeAsync("string", "text");
        }

        async Task RetypeAsync(string type, string fieldType)
        {
            (await server.DeleteAsync($"{Properties}/flex")).Expect(204);
            await server.CreatePropertyAsync("flex", type, fieldType, unique: false);
        }
    }

    [Fact]
    public async Task White_space_around_what_is_no_text_does_not_count()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("size", "number", "number", unique: false);
        (await server.PostAsync(Tickets, """{"properties":{"size":"7","subject":"a","hs_ticket_priority":"HIGH","createdate":"2026-03-14T09:26:53.589Z","hs_pipeline_stage":"1"}}""")).Expect(201);
        foreach (var (property, value) in ((string, string)[])[("size", "7"), ("hs_ticket_priority", "HIGH"), ("createdate", "2026-03-14T09:26:53.589Z"), ("hs_pipeline_stage", "1")])
        {
            var padded = $" \\t\u00a0{value}\u00a0 ";
            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"EQ","value":"{{padded}}"}"""));
            Assert.Equal("0", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"NEQ","value":"{{padded}}"}"""));
            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"IN","values":["{{padded}}"]}"""));
            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"BETWEEN","value":"{{padded}}","highValue":"{{padded}}"}"""));
        }

        Assert.Equal("0", await TotalAsync(server, """{"propertyName":"subject","operator":"EQ","value":" a"}"""));
    }

    [Fact]
    public async Task A_select_that_becomes_a_checkbox_is_searched_as_a_set_at_once()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("colour", "enumeration", "select", unique: false, ",\"options\":[{\"label\":\"R\",\"value\":\"red\"},{\"label\":\"G\",\"value\":\"green\"}]");
        var id = (await server.PostAsync(Tickets, """{"properties":{"colour":"red","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"colour","operator":"EQ","value":"red"}"""));
        (await server.PatchAsync($"{Properties}/colour", """{"fieldType":"checkbox"}""")).Expect(200);
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"colour","operator":"EQ","value":"red"}"""));
        (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"colour":";green"}}""")).Expect(200);
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"colour","operator":"EQ","value":"green"}"""));
        Assert.Equal("0", await TotalAsync(server, """{"propertyName":"colour","operator":"EQ","value":"red;green"}"""));
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"colour","operator":"IN","values":["red"]}"""));
    }

    [Fact]
    public async Task An_option_that_was_taken_away_is_still_found_where_records_hold_it()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("colour", "enumeration", "select", unique: false, ",\"options\":[{\"label\":\"R\",\"value\":\"dark red\"},{\"label\":\"G\",\"value\":\"green\"}]");
        (await server.PostAsync(Tickets, """{"properties":{"colour":"dark red","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.PatchAsync($"{Properties}/colour", """{"options":[{"label":"G","value":"green"}]}""")).Expect(200);
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"colour","operator":"CONTAINS_TOKEN","value":"red"}"""));
        Assert.Equal("0", await TotalAsync(server, """{"propertyName":"colour","operator":"NOT_CONTAINS_TOKEN","value":"red"}"""));
    }

    [Fact]
    public async Task An_index_file_that_is_removed_under_the_server_is_rebuilt()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, """{"properties":{"subject":"kept","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(["1"], await CountAsync(server, "kept"));
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(server.IndexFile)!, "*.index.db*"))
        {
            File.Delete(file);
        }

        for (var round = 0; round < 3; round++)
        {
            var counts = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => CountAsync(server, "kept"))));
            Assert.All(counts, count => Assert.Equal(["1"], count));
        }
    }

    [Theory]
    [InlineData("UPDATE state SET rebuild = rebuild | 1")] // asked for
    [InlineData("UPDATE state SET rebuild = rebuild | 2")] // a permanent deletion was interrupted
    [InlineData("UPDATE state SET position = position + 1, position_time = 1")] // it has what the portal's file, restored from a backup, never saw
    [InlineData("UPDATE state SET position_time = position_time + 1")]
    public async Task An_index_file_that_can_not_be_trusted_is_rebuilt_at_the_start(string harm)
    {
        var directory = Directory.CreateTempSubdirectory("docket-search-").FullName;
        foreach (var turn in (bool[])[true, false])
        {
            await using var server = await TestServer.StartAsync(directory);
            if (turn)
            {
                (await server.PostAsync(Tickets, """{"properties":{"subject":"kept","hs_pipeline_stage":"1"}}""")).Expect(201);
            }

            Assert.Equal(["1"], await CountAsync(server, "kept"));
            await server.DisposeAsync();
            using var index = new Connection(server.IndexFile, create: false);
            Assert.Equal(0, index.QueryInteger("SELECT count(*) FROM column_part WHERE data = CAST('stray' AS BLOB)"));
            if (turn)
            {
                index.Execute($"INSERT INTO column_part VALUES (99 << 46, 1, CAST('stray' AS BLOB), 0); {harm}");
            }
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task An_index_that_cant_be_made_harms_no_write_and_is_made_once_it_can()
    {
        var directory = Directory.CreateTempSubdirectory("docket-search-").FullName;
        var inTheWay = Directory.CreateDirectory(Path.Combine(directory, "portal-24000001.index.db"));
        await using (var server = await TestServer.StartAsync(directory))
        {
            (await server.PostAsync(Tickets, """{"properties":{"subject":"kept","hs_pipeline_stage":"1"}}""")).Expect(201);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            inTheWay.Delete();
            Assert.Equal(["1"], await CountAsync(server, "kept"));
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task After_a_kill_every_acknowledged_ticket_is_found()
    {
        var directory = Directory.CreateTempSubdirectory("docket-search-").FullName;
        var written = 0;
        for (var round = 0; round < 3; round++)
        {
            await using var server = await ServerProcess.StartAsync(directory);
            for (var i = 0; i < 20; i++)
            {
                (await server.SendAsync(HttpMethod.Post, Tickets, $$$"""{"properties":{"subject":"kill {{{written}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
                written++;
            }

            var found = (await server.SendAsync(HttpMethod.Post, Search, """{"query":"kill","limit":200,"properties":["subject"]}""")).Expect(200);
            Assert.Equal(Enumerable.Range(0, written).Select(number => $"kill {number}"), found.Json!["results"]!.AsArray().Select(ticket => ticket!["properties"]!["subject"]!.ToString()));
            if (round == 1)
            {
                await Task.Delay(2_500, TestContext.Current.CancellationToken); // long enough for a save
            }

            server.Kill();
        }

        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("""{"propertyName":"subject","operator":"EQ","value":""}""", 0)]
    [InlineData("""{"propertyName":"subject","operator":"NEQ","value":""}""", 3)]
    [InlineData("""{"propertyName":"subject","operator":"IN","values":[""]}""", 0)]
    [InlineData("""{"propertyName":"subject","operator":"IN","values":[]}""", 0)]
    [InlineData("""{"propertyName":"subject","operator":"NOT_IN","values":[]}""", 3)]
    [InlineData("""{"propertyName":"subject","operator":"LT","value":""}""", 0)]
    [InlineData("""{"propertyName":"subject","operator":"GT","value":""}""", 2)]
    [InlineData("""{"propertyName":"subject","operator":"BETWEEN","value":"ﬀ","highValue":"😀"}""", 1)]
    [InlineData("""{"propertyName":"subject","operator":"CONTAINS_TOKEN","value":"-"}""", 0)]
    [InlineData("""{"propertyName":"subject","operator":"NOT_CONTAINS_TOKEN","value":"-"}""", 3)]
    [InlineData("""{"propertyName":"subject","operator":"NOT_CONTAINS_TOKEN","value":"co"}""", 2)]
    [InlineData("""{"propertyName":"hs_is_closed","operator":"GTE","value":"true"}""", 1)]
    [InlineData("""{"propertyName":"hs_is_closed","operator":"BETWEEN","value":"false","highValue":"false"}""", 2)]
    [InlineData("""{"propertyName":"hs_object_source","operator":"GTE","value":"integration"}""", 3)]
    [InlineData("""{"propertyName":"hs_object_source","operator":"LT","value":"integration"}""", 0)]
    [InlineData("""{"propertyName":"hs_object_source_label","operator":"EQ","value":"integration"}""", 0)]
    [InlineData("""{"propertyName":"hs_object_source_label","operator":"IN","values":["INTEGRATION"]}""", 3)]
    [InlineData("""{"propertyName":"hubspot_owner_id","operator":"IN","values":["7"]}""", 1)]
    [InlineData("""{"propertyName":"hubspot_owner_id","operator":"CONTAINS_TOKEN","value":"7"}""", 1)]
    [InlineData("""{"propertyName":"createdate","operator":"BETWEEN","value":"2026-03-14T09:26:53.589Z","highValue":"1773480413589"}""", 3)]
    [InlineData("""{"propertyName":"hs_object_id","operator":"IN","values":["10000000001","10000000003","1e999","-1","10000000001.5"]}""", 2)]
    [InlineData("""{"propertyName":"hs_object_id","operator":"LT","value":"10000000001"}""", 0)]
    [InlineData("""{"propertyName":"hs_object_id","operator":"LTE","value":1e999}""", 3)]
    [InlineData("""{"propertyName":"hs_object_id","operator":"GT","value":"-1e999"}""", 3)]
    [InlineData("""{"propertyName":"associations.contact","operator":"EQ","value":"1"}""", 0)]
    [InlineData("""{"propertyName":"associations.contact","operator":"IN","values":["1"]}""", 0)]
    [InlineData("""{"propertyName":"associations.contact","operator":"NEQ","value":"1"}""", 3)]
    [InlineData("""{"propertyName":"associations.contact","operator":"NOT_HAS_PROPERTY"}""", 3)]
    [InlineData("""{"propertyName":"subject","operator":"HAS_PROPERTY","value":"ignored"}""", 2)]
    [InlineData("""{"propertyName":"subject","operator":"\u0001\t EQ\n ","value":"CLINICS & CO"}""", 1)]
    public async Task A_filter_finds(string filter, int expected)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, """{"properties":{"subject":"Clinics & Co","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.PostAsync(Tickets, """{"properties":{"subject":"\uffee","hs_pipeline_stage":"4"}}""")).Expect(201);
        (await server.PostAsync(Tickets, """{"properties":{"subject":"","hubspot_owner_id":"7","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(expected.ToString(), await TotalAsync(server, filter));
    }

    [Theory]
    [InlineData("Clinics & Co", 1)]
    [InlineData("clin co", 1)]
    [InlineData("foo-bar", 1)]
    [InlineData("&", 0)]
    [InlineData("inics", 0)]
    [InlineData("10000000002", 1)]
    [InlineData("1000000000", 0)]
    [InlineData("99999999999999999999", 0)]
    public async Task A_query_finds(string query, int expected)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, """{"properties":{"subject":"Clinics & Co","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.PostAsync(Tickets, """{"properties":{"content":"bar (foo)","hs_pipeline_stage":"4"}}""")).Expect(201);
        Assert.Equal(expected.ToString(), (await server.PostAsync(Search, new JsonObject { ["query"] = query }.ToJsonString())).Expect(200)["total"]);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_longest_texts_and_filters_are_searched_whole()
    {
        await using var server = await TestServer.StartAsync();
        var words = Enumerable.Range(0, 9_000).Select(number => $"w{number}").ToArray();
        var text = string.Join(' ', words)[..^1] + "last";
        var same = new string('s', 200);
        (await server.PostAsync(Tickets, new JsonObject { ["properties"] = new JsonObject { ["content"] = text, ["subject"] = same, ["hs_pipeline_stage"] = "1" } }.ToJsonString())).Expect(201);
        Assert.True(text.Length > 50_000);
        Assert.Equal("1", await TotalAsync(server, """{"propertyName":"content","operator":"CONTAINS_TOKEN","value":"w0 w899last"}"""));
        Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"content","operator":"CONTAINS_TOKEN","value":"{{string.Join(' ', words[..550])}}"}"""));
        Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"content","operator":"CONTAINS_TOKEN","value":"{{string.Join(' ', Enumerable.Repeat("*", 1_400))}}"}"""));
        // Order counts 128 bytes, comparisons all of them.
        Assert.Equal("0", await TotalAsync(server, $$"""{"propertyName":"subject","operator":"LT","value":"{{same}}"}"""));
        Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"subject","operator":"GTE","value":"{{same}}"}"""));
        Assert.Equal("0", await TotalAsync(server, $$"""{"propertyName":"subject","operator":"GT","value":"{{same}}"}"""));
        Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"subject","operator":"CONTAINS_TOKEN","value":"{{same}}"}"""));
    }

    [Theory]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"neq","value":"x"}]}]}""", 1, 68)]
    [InlineData("""{"filterGroups": [{"filters": [{"propertyName": "jobtitle", "operator": "neq", "value": "x"}]}]}""", 1, 73)]
    [InlineData("{\n  \"filterGroups\": [\n    {\n      \"filters\": [\n        {\n          \"propertyName\": \"jobtitle\",\n          \"operator\": \"neq\"\n        }\n      ]\n    }\n  ]\n}", 7, 23)]
    [InlineData("{\n\t\"filterGroups\": [\n\t\t{\n\t\t\t\"filters\": [\n\t\t\t\t{\n\t\t\t\t\t\"propertyName\": \"jobtitle\",\n\t\t\t\t\t\"operator\": \"neq\"\n\t\t\t\t}\n\t\t\t]\n\t\t}\n\t]\n}", 7, 18)]
    [InlineData("{\r\n  \"filterGroups\": [\r\n    {\r\n      \"filters\": [\r\n        {\r\n          \"propertyName\": \"jobtitle\",\r\n          \"operator\": \"neq\"\r\n        }]}]}", 7, 23)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitlé","operator":"neq","value":"x"}]}]}""", 1, 69)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitl😀","operator":"neq","value":"x"}]}]}""", 1, 71)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitl\u00e9","operator":"neq","value":"x"}]}]}""", 1, 73)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"Eq","value":"x"},{"operator":"BOGUS"}]}]}""", 1, 68)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"\u00a0EQ","value":"x"}]}]}""", 1, 68)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"13","value":"x"}]}]}""", 1, 68)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"01","value":"x"}]}]}""", 1, 68)]
    [InlineData("""{"filterGroups":[{"filters":[{"propertyName":"jobtitle","operator":"+1","value":"x"}]}]}""", 1, 68)]
    public async Task An_unknown_operator_is_reported_with_its_place(string body, int line, int column)
    {
        var server = shared.Server;
        var answer = (await server.PostAsync(Search, body)).Expect(400);
        Assert.Equal($"Invalid input JSON on line {line}, column {column}: Enum type must be one of: [{string.Join(", ", RandomSearches.Operators)}]", answer["message"]);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
    }

    [Theory]
    [InlineData("[6,6,6]", null)]
    [InlineData("[0,0,0,0,0]", null)]
    [InlineData("[1,1,1,1,1,1]", "The maximum number of filter groups is 5. You have requested 6.")]
    [InlineData("[1,7]", "The maximum number of filters per group is 6. You have requested 7.")]
    [InlineData("[4,4,4,4,3]", "The maximum number of filters is 18. You have requested 19.")]
    public async Task Filters_are_limited(string counts, string? message)
    {
        await using var server = await TestServer.StartAsync();
        var groups = JsonNode.Parse(counts)!.AsArray().Select(count => new JsonObject
        {
            ["filters"] = new JsonArray([.. Enumerable.Range(0, (int)count!).Select(_ => new JsonObject { ["propertyName"] = "subject", ["operator"] = "HAS_PROPERTY" })]),
        });
        var answer = (await server.PostAsync(Search, new JsonObject { ["filterGroups"] = new JsonArray([.. groups]) }.ToJsonString())).Expect(message is null ? 200 : 400);
        Assert.Equal(message, answer["message"]);
        Assert.Equal(message is null ? null : "VALIDATION_ERROR", answer["category"]);
    }

    [Theory]
    [InlineData("""{"limit":200,"after":9999}""", 200)]
    [InlineData("""{"limit":"200","after":"0"}""", 200)]
    [InlineData("""{"limit":201}""", 400)]
    [InlineData("""{"limit":0}""", 400)]
    [InlineData("""{"limit":-1}""", 400)]
    [InlineData("""{"limit":"x"}""", 400)]
    [InlineData("""{"after":10000}""", 400)]
    [InlineData("""{"after":-1}""", 400)]
    [InlineData("""{"after":"x"}""", 400)]
    [InlineData("""{"after":"10000000001-YWI"}""", 400)]
    [InlineData("""{"after":"99999999999999999999"}""", 400)]
    [InlineData("""{"sorts":["-subject","none"]}""", 200)]
    [InlineData("""{"sorts":["none"]}""", 200)]
    [InlineData("""{"sorts":["-none","-"]}""", 200)]
    [InlineData("""{"sorts":["{\"propertyName\":\"createdate\",\"direction\":\"DESCENDING\"}"]}""", 200)]
    [InlineData("""{"sorts":[{}]}""", 400)]
    [InlineData("""{"sorts":[{"propertyName":"none"}]}""", 400)]
    [InlineData("""{"sorts":["none",{"propertyName":"none"}]}""", 400)]
    [InlineData("""{"filters":null,"filterGroups":null,"sorts":null,"query":null,"properties":null,"limit":null,"after":null}""", 200)]
    [InlineData("""{"filters":[{"propertyName":"amount_of_nothing","operator":"HAS_PROPERTY"}]}""", 400)]
    [InlineData("""{"filters":[{"propertyName":"createdate","operator":"BETWEEN","value":"2","highValue":"1"}]}""", 400)]
    [InlineData("""{"filters":[{"propertyName":"createdate","operator":"BETWEEN","value":"2","highValue":"2"}]}""", 200)]
    [InlineData("""{"filters":[{"propertyName":"hs_object_id","operator":"EQ","value":""}]}""", 400)]
    [InlineData("""{"filters":[{"propertyName":"subject","operator":"IN","value":"x"}]}""", 400)]
    [InlineData("null", 400)]
    [InlineData("[]", 400)]
    public async Task A_body_is_taken_or_refused(string body, int status)
    {
        var server = shared.Server;
        (await server.PostAsync(Search, body)).Expect(status);
    }

    [Fact]
    [Behaviour("POST …/tickets/search", "`query` and the values of all filters have at most 3,000 characters together", "docs, observed, decide", "properties-pipelines-search-associations.md 4.3")]
    public async Task The_query_and_the_values_of_filters_have_at_most_3000_characters()
    {
        await using var server = await TestServer.StartAsync();
        await FitsAsync("""{"query":"…"}""", 3_000);
        await FitsAsync("""{"query":"12345","filters":[{"propertyName":"subject","operator":"EQ","value":"…"}]}""", 2_995);
        await FitsAsync("""{"query":"12345","filterGroups":[{"filters":[{"propertyName":"subject","operator":"IN","values":["67","…"]}]},{"filters":[{"propertyName":"subject","operator":"BETWEEN","value":"0","highValue":"89"}]}]}""", 2_990);

        async Task FitsAsync(string body, int room)
        {
            (await server.PostAsync(Search, body.Replace("…", new('é', room), StringComparison.Ordinal))).Expect(200);
            var answer = (await server.PostAsync(Search, body.Replace("…", new('é', room + 1), StringComparison.Ordinal))).Expect(400);
            Assert.Equal(("The maximum length of the request body is 3000 characters.", "VALIDATION_ERROR"), (answer["message"], answer["category"]));
        }
    }

    [Fact]
    [Behaviour("POST …/tickets/search", "`properties` and `sorts` may be as long as they are: connectors name every property", "observed, decide", "properties-pipelines-search-associations.md 4.3")]
    public async Task A_search_may_name_all_properties_as_connectors_do()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Tickets, """{"properties":{"subject":"one","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var names = (await server.GetAsync(Properties)).Expect(200).Json!["results"]!.AsArray().Select(property => property!["name"]!.ToString()).ToArray();
        var body = new JsonObject
        {
            ["filterGroups"] = new JsonArray(new JsonObject
            {
                ["filters"] = new JsonArray(new JsonObject { ["propertyName"] = "hs_lastmodifieddate", ["operator"] = "GTE", ["value"] = "2020-01-01T00:00:00.000000Z" }),
            }),
            ["properties"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]),
            ["sorts"] = new JsonArray([.. names.Select(name => new JsonObject { ["propertyName"] = name, ["direction"] = "ASCENDING" })]),
        }.ToJsonString();
        Assert.True(body.Length > 10_000);
        var page = (await server.PostAsync(Search, body)).Expect(200);
        Assert.Equal(id, page["results[0].id"]);
        Assert.Equal(names.Order(StringComparer.Ordinal), page.Json!["results"]![0]!["properties"]!.AsObject().Select(property => property.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Behaviour("POST …/tickets/search", "a sort as text that names no property is ignored", "observed", "properties-pipelines-search-associations.md 4.1")]
    public async Task A_sort_as_text_that_names_no_property_leaves_the_default_order()
    {
        await using var server = await TestServer.StartAsync();
        string[] ids = [await CreateAsync(server, "b"), await CreateAsync(server, "a"), await CreateAsync(server, "c")];
        var text = JsonValue.Create("""{"propertyName":"subject","direction":"DESCENDING"}""").ToJsonString();
        Assert.Equal(ids, await IdsAsync(server, $$"""{"sorts":[{{text}}]}"""));
        Assert.Equal(ids, await IdsAsync(server, """{"sorts":["none"]}"""));
        Assert.Equal([ids[1], ids[0], ids[2]], await IdsAsync(server, """{"sorts":["subject"]}"""));
        Assert.Equal([ids[2], ids[0], ids[1]], await IdsAsync(server, """{"sorts":["-subject"]}"""));
    }

    [Theory]
    [Behaviour("POST …/tickets/search", "a text with an odd number of `\"` in a filter is refused with HubSpot's sentence", "observed", "properties-pipelines-search-associations.md 4.1")]
    [InlineData("EQ")]
    [InlineData("NEQ")]
    [InlineData("CONTAINS_TOKEN")]
    [InlineData("NOT_CONTAINS_TOKEN")]
    [InlineData("IN")]
    [InlineData("NOT_IN")]
    public async Task A_filter_value_with_one_quotation_mark_is_refused(string comparison)
    {
        await using var server = await TestServer.StartAsync();
        var body = Body("subject", "hi\\\"");
        var refused = (await server.PostAsync(Search, body)).Expect(400);
        Assert.Equal(($"Invalid input JSON on line 1, column {body.IndexOf('}', StringComparison.Ordinal) + 1}: Filter value 'hi\"' has mismatched quotation marks", "VALIDATION_ERROR"), (refused["message"], refused["category"]));
        (await server.PostAsync(Search, Body("subject", "a \\\"b\\\" c\\\""))).Expect(400);
        (await server.PostAsync(Search, Body("subject", "say \\\"hi\\\""))).Expect(200);
        (await server.PostAsync(Search, Body("subject", "it's"))).Expect(200);
        (await server.PostAsync(Search, Body("hs_ticket_priority", "hi\\\""))).Expect(200); // only texts
        (await server.PostAsync(Search, """{"query":"hi\""}""")).Expect(200);

        string Body(string property, string value) => comparison is "IN" or "NOT_IN"
            ? $$"""{"filters":[{"propertyName":"{{property}}","operator":"{{comparison}}","values":["fine","{{value}}"]}]}"""
            : $$"""{"filters":[{"propertyName":"{{property}}","operator":"{{comparison}}","value":"{{value}}"}]}""";
    }

    [Theory]
    [Behaviour("POST …/tickets/search", "moments with four to nine fraction digits are cut to milliseconds", "observed", "properties-pipelines-search-associations.md 4.1")]
    [InlineData("2026-03-14T09:26:53.589999Z")]
    [InlineData("2026-03-14T09:26:53.5890Z")]
    [InlineData("2026-03-14T09:26:53.589123456Z")]
    [InlineData("2026-03-14T09:26:53.5899999+00:00")]
    [InlineData("2026-03-14 11:26:53.589999+02:00")]
    [InlineData("2026-03-14 04:56:53.589999-0430")]
    [InlineData("2026-03-14 09:26:53.58912+00")]
    [InlineData("2026-03-14T09:26:53.589999")]
    public async Task Moments_with_more_than_three_fraction_digits_are_cut_in_reads_and_refused_in_writes(string moment)
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("seen_at", "datetime", "date", unique: false);
        var id = (await server.PostAsync(Tickets, """{"properties":{"seen_at":"2026-03-14T09:26:53.589Z","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        foreach (var property in (string[])["seen_at", "createdate", "hs_lastmodifieddate", "hs_v2_date_entered_current_stage"])
        {
            foreach (var (comparison, expected) in ((string, string)[])[("EQ", "1"), ("NEQ", "0"), ("GT", "0"), ("GTE", "1"), ("LT", "0"), ("LTE", "1"), ("CONTAINS_TOKEN", "1"), ("NOT_CONTAINS_TOKEN", "0")])
            {
                Assert.Equal(expected, await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"{{comparison}}","value":"{{moment}}"}"""));
            }

            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"IN","values":["1","{{moment}}"]}"""));
            Assert.Equal("0", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"NOT_IN","values":["{{moment}}"]}"""));
            Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"{{property}}","operator":"BETWEEN","value":"{{moment}}","highValue":"{{moment}}"}"""));
        }

        (await server.GetAsync($"{Tickets}/{id}?asOf={Uri.EscapeDataString(moment)}")).Expect(200);
        (await server.GetAsync($"{Tickets}/{id}?asOf={moment.Replace(' ', 'T')}")).Expect(200); // a plus that isn't encoded
        (await server.GetAsync($"{Tickets}/{id}?asOf={Uri.EscapeDataString(moment.Replace(".589", ".588", StringComparison.Ordinal))}")).Expect(404);
        Assert.Contains("was not a valid long.", (await server.PatchAsync($"{Tickets}/{id}", $$$"""{"properties":{"seen_at":"{{{moment}}}"}}""")).Expect(400)["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unique_number_is_never_taken_for_another_one()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreatePropertyAsync("nkey", "number", "number");
        string[] numbers = ["7615917337495251230", "7615917337495251231", "7615917337495251232", "0.1", "0.1000000000000000055511151231257827", "1e999", "1e1000", "5"];
        var ids = new List<string>();
        foreach (var number in numbers)
        {
            ids.Add((await server.PostAsync(Tickets, $$$"""{"properties":{"nkey":"{{{number}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!);
        }

        string[] order = [ids[3], ids[4], ids[7], ids[0], ids[1], ids[2], ids[5], ids[6]];
        Assert.Equal(order, await IdsAsync(server, """{"sorts":["nkey"]}"""));
        Assert.Equal(order.Reverse(), await IdsAsync(server, """{"sorts":["-nkey"]}"""));
        for (var at = 0; at < order.Length; at++)
        {
            var number = numbers[ids.IndexOf(order[at])];
            Assert.Equal([order[at]], await FindAsync("EQ"));
            Assert.Equal(order.Where((_, i) => i != at), await FindAsync("NEQ"));
            Assert.Equal([order[at]], await FindAsync("IN"));
            Assert.Equal(order.Where((_, i) => i != at), await FindAsync("NOT_IN"));
            Assert.Equal(order[..at], await FindAsync("LT"));
            Assert.Equal(order[..(at + 1)], await FindAsync("LTE"));
            Assert.Equal(order[(at + 1)..], await FindAsync("GT"));
            Assert.Equal(order[at..], await FindAsync("GTE"));
            Assert.Equal([order[at]], await FindAsync("BETWEEN"));

            Task<string[]> FindAsync(string comparison) => IdsAsync(server, $$"""{"filters":[{"propertyName":"nkey","operator":"{{comparison}}","value":"{{number}}","highValue":"{{number}}","values":["{{number}}"]}],"sorts":["nkey"]}""");
        }

        // However it is written.
        Assert.Equal([ids[1]], await IdsAsync(server, """{"filters":[{"propertyName":"nkey","operator":"EQ","value":"+07615917337495251231.0"}]}"""));
        Assert.Equal([ids[1]], await IdsAsync(server, """{"filters":[{"propertyName":"nkey","operator":"EQ","value":"761591733749525123.1e1"}]}"""));
        (await server.PostAsync(Search, """{"filters":[{"propertyName":"nkey","operator":"BETWEEN","value":"7615917337495251231","highValue":"7615917337495251230"}]}""")).Expect(400);
        // An id is a number too.
        Assert.Equal("0", await TotalAsync(server, $$"""{"propertyName":"hs_object_id","operator":"EQ","value":"{{ids[0]}}.0000000000000000001"}"""));
        Assert.Equal("1", await TotalAsync(server, $$"""{"propertyName":"hs_object_id","operator":"EQ","value":"{{ids[0]}}.0000000000000000000"}"""));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_page_that_would_cross_the_end_of_the_reach_is_cut_and_the_next_refused()
    {
        await using var server = await TestServer.StartAsync();
        var inputs = new JsonObject { ["inputs"] = new JsonArray([.. Enumerable.Range(0, 100).Select(_ => new JsonObject { ["properties"] = new JsonObject { ["hs_pipeline_stage"] = "1" } })]) }.ToJsonString();
        foreach (var _ in Enumerable.Range(0, 101))
        {
            (await server.PostAsync(Tickets + "/batch/create", inputs)).Expect(201);
        }

        foreach (var sorts in (string[])["[]", "[\"createdate\"]", "[\"-hs_pipeline_stage\"]"])
        {
            var page = (await server.PostAsync(Search, $$"""{"limit":200,"after":"9900","sorts":{{sorts}}}""")).Expect(200);
            Assert.Equal((100, "10100", "10000"), (page.Count("results"), page["total"], page["paging.next.after"]));
        }
    }

    static async Task<string> CreateAsync(TestServer server, string subject) =>
        (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{subject}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;

    static async Task<string[]> IdsAsync(TestServer server, string body) =>
        [.. (await server.PostAsync(Search, body)).Expect(200).Json!["results"]!.AsArray().Select(ticket => ticket!["id"]!.ToString())];

    static async Task<string?> TotalAsync(TestServer server, string filter) =>
        (await server.PostAsync(Search, $$"""{"filters":[{{filter}}]}""")).Expect(200)["total"];

    static async Task<string?[]> CountAsync(TestServer server, params string[] subjects)
    {
        var counts = new List<string?>();
        foreach (var subject in subjects)
        {
            counts.Add(await TotalAsync(server, $$"""{"propertyName":"subject","operator":"EQ","value":"{{subject}}"}"""));
        }

        return [.. counts];
    }
}
