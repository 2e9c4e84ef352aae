using System.Net;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Types;

/// <summary>Products, line items, quotes, orders, carts and leads (reference/objects-other-than-tickets.md 6).</summary>
public class CommerceTests
{
    const string Objects = "/crm/v3/objects/", LineItems = Objects + "line_items";

    [Behaviour("POST …/products", "the create answer is what was written, dates, id and source", "docs, observed", "objects-other-than-tickets.md 6")]
    [Fact]
    public async Task A_product_is_what_was_written()
    {
        await using var server = await TestServer.StartAsync();
        var product = (await server.PostAsync(Objects + "products", """{"properties":{"name":"Plan","price":"10"}}""")).Expect(201);
        Assert.Equal(
            ["createdate", "hs_lastmodifieddate", "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label", "name", "price"],
            product.Json!["properties"]!.AsObject().Select(property => property.Key));
        var read = (await server.GetAsync($"{Objects}products/{product["id"]}")).Expect(200);
        Assert.Equal(["createdate", "description", "hs_lastmodifieddate", "hs_object_id", "name", "price"], read.Json!["properties"]!.AsObject().Select(property => property.Key));
    }

    [Behaviour("GET …/objects/{objectType}/{id}", "the keys of a read without `properties`", "observed, docs, inferred", "objects-other-than-tickets.md 1.4, 12.10")]
    [Theory]
    [InlineData("deals", "dealname", "amount,closedate,createdate,dealname,dealstage,hs_lastmodifieddate,hs_object_id,pipeline")]
    [InlineData("products", "name", "createdate,description,hs_lastmodifieddate,hs_object_id,name,price")]
    [InlineData("line_items", "name", "createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("carts", "hs_cart_name", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("orders", "hs_order_name", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("quotes", "hs_title", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("invoices", "hs_title", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("leads", "hs_lead_name", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("feedback_submissions", "hs_survey_name", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    [InlineData("users", "hs_job_title", "hs_createdate,hs_lastmodifieddate,hs_object_id")]
    public async Task A_read_that_names_no_properties_shows_those_of_its_type(string plural, string name, string keys)
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Objects + plural, $$"""{"properties":{"{{name}}":"A"} }""")).Expect(201)["id"];
        var read = (await server.GetAsync($"{Objects}{plural}/{id}")).Expect(200);
        Assert.Equal(keys.Split(','), read.Json!["properties"]!.AsObject().Select(property => property.Key));
        var created = keys.StartsWith("hs_", StringComparison.Ordinal) ? "properties.hs_createdate" : "properties.createdate";
        Assert.Equal((read["createdAt"], read["updatedAt"]), (read[created], read["properties.hs_lastmodifieddate"]));
    }

    public static TheoryData<string, string, string, string, string> LineItemAmounts => new()
    {
        { "", "3200.00", "0.00", "3200.00", "0.00" },
        { ""","hs_discount_percentage":"10" """, "2880.00", "320.00", "2880.00", "0.00" },
        { ""","discount":"100" """, "3000.00", "200.00", "3000.00", "0.00" },
        { ""","hs_discount_percentage":"10","discount":"100" """, "2880.00", "320.00", "2880.00", "0.00" },
        { ""","recurringbillingfrequency":"monthly","hs_recurring_billing_period":"P1Y" """, "3200.00", "0.00", "38400.00", "3200.00" },
        { ""","recurringbillingfrequency":"per_two_years","hs_recurring_billing_period":"P48M" """, "3200.00", "0.00", "6400.00", "133.33" },
        { ""","recurringbillingfrequency":"annually" """, "3200.00", "0.00", "3200.00", "266.67" },
        { ""","recurringbillingfrequency":"annually","hs_recurring_billing_period":"often" """, "3200.00", "0.00", "3200.00", "266.67" },
    };

    [Theory]
    [MemberData(nameof(LineItemAmounts))]
    public async Task Amounts_follow_from_price_quantity_discount_and_term(string more, string amount, string discount, string total, string perMonth)
    {
        await using var server = await TestServer.StartAsync();
        var item = (await server.PostAsync(LineItems, $$"""{"properties":{"price":"1600","quantity":"2"{{more}}} }""")).Expect(201);
        Assert.Equal((amount, discount, total, perMonth), (item["properties.amount"], item["properties.hs_total_discount"], item["properties.hs_tcv"], item["properties.hs_mrr"]));
    }

    [Fact]
    public async Task A_line_item_without_price_or_quantity_has_no_amount()
    {
        await using var server = await TestServer.StartAsync();
        var item = (await server.PostAsync(LineItems, """{"properties":{"name":"A","price":"5"}}""")).Expect(201);
        Assert.False(item.Has("properties.amount"));
        Assert.Equal("15.00", (await server.PatchAsync($"{LineItems}/{item["id"]}", """{"properties":{"quantity":"3"}}""")).Expect(200)["properties.amount"]);
        Assert.Equal("", (await server.PatchAsync($"{LineItems}/{item["id"]}", """{"properties":{"price":""}}""")).Expect(200)["properties.amount"]);
    }

    [Fact]
    public async Task Equal_line_items_of_a_batch_are_created_once_and_of_other_types_each()
    {
        const string Body = """{"inputs":[{"properties":{"name":"A"}},{"properties":{"name":"B"}},{"properties":{"name":"A"}},{"objectWriteTraceId":"1","properties":{"name":"A"}}]}""";
        await using var server = await TestServer.StartAsync();
        Assert.Equal(3, (await server.PostAsync(LineItems + "/batch/create", Body)).Expect(201).Count("results"));
        Assert.Equal(4, (await server.PostAsync(Objects + "products/batch/create", Body)).Expect(201).Count("results"));
        Assert.Equal("3", (await server.PostAsync(LineItems + "/search", "{}")).Expect(200)["total"]);
    }

    [Behaviour("POST …/line_items", "`hs_product_id` copies the values of the product that the request leaves out; later changes of it don't follow", "docs", "objects-other-than-tickets.md 6")]
    [Fact]
    public async Task A_new_line_item_copies_what_it_leaves_out_from_its_product()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(LineItems, """{"properties":{"hs_product_id":"5","quantity":"1"}}""")).Expect(201); // while there are no products at all
        var product = (await server.PostAsync(Objects + "products", """{"properties":{"name":"Plan","price":"10","hs_sku":"P-1","description":""}}""")).Expect(201)["id"];
        var item = (await server.PostAsync(LineItems, $$"""{"properties":{"hs_product_id":"{{product}}","quantity":"3","name":"Own","hs_sku":null} }""")).Expect(201);
        Assert.Equal(("Own", "10", "P-1", "30.00"), (item["properties.name"], item["properties.price"], item["properties.hs_sku"], item["properties.amount"]));
        (await server.PatchAsync($"{Objects}products/{product}", """{"properties":{"price":"20"}}""")).Expect(200);
        Assert.Equal("30.00", (await server.GetAsync($"{LineItems}/{item["id"]}?properties=amount")).Expect(200)["properties.amount"]);

        var batch = (await server.PostAsync(LineItems + "/batch/create", $$"""{"inputs":[{"properties":{"hs_product_id":"{{product}}","quantity":"1"} },{"properties":{"hs_product_id":"{{item["id"]}}","quantity":"1"} },{"properties":{"hs_product_id":"{{product}}","quantity":"1","price":"7"} }]}""")).Expect(201);
        Assert.Equal(["20.00", null, "7.00"], Enumerable.Range(0, 3).Select(i => batch[$"results[{i}].properties.amount"]));
    }

    [Fact]
    public async Task Upserts_and_jobs_copy_from_the_product_when_they_create_and_not_when_they_update()
    {
        await using var server = await TestServer.StartAsync();
        var product = (await server.PostAsync(Objects + "products", """{"properties":{"name":"Plan","price":"10"}}""")).Expect(201)["id"];
        (await server.PostAsync("/crm/v3/properties/line_items", """{"name":"key","label":"Key","type":"string","fieldType":"text","groupName":"lineiteminformation","hasUniqueValue":true}""")).Expect(201);
        var body = $$"""{"inputs":[{"idProperty":"key","id":"A","properties":{"hs_product_id":"{{product}}","quantity":"2"} }]}""";
        Assert.Equal("20.00", (await server.PostAsync(LineItems + "/batch/upsert", body)).Expect(200)["results[0].properties.amount"]);
        (await server.PatchAsync($"{Objects}products/{product}", """{"properties":{"price":"30"}}""")).Expect(200);
        Assert.Equal("20.00", (await server.PostAsync(LineItems + "/batch/upsert", body)).Expect(200)["results[0].properties.amount"]);

        // In a job, the second input of the same key updates what the first created.
        using var request = new HttpRequestMessage(HttpMethod.Post, LineItems + "/batch/upsert")
        {
            Content = new StringContent(
                $$"""
                {"idProperty":"key","id":"B","properties":{"hs_product_id":"{{product}}","quantity":"2","price":"5"} }
                {"idProperty":"key","id":"B","properties":{"hs_product_id":"{{product}}","quantity":"3"} }
                """,
                null, "application/x-ndjson"),
        };
        request.Headers.Add("Prefer", "respond-async");
        using var accepted = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var job = await server.EndOfJobAsync((await Answer.OfAsync(accepted)).Expect(202)["id"]);
        Assert.True(job["failed"] == "0", job.Text);
        var read = (await server.GetAsync($"{LineItems}/B?idProperty=key&properties=amount,name")).Expect(200);
        Assert.Equal(("15.00", "Plan"), (read["properties.amount"], read["properties.name"]));
    }

    [Theory]
    [InlineData("orders", "hs_order_name")]
    [InlineData("carts", "hs_cart_name")]
    public async Task Orders_and_carts_have_a_currency_and_an_amount_in_that_of_the_portal(string plural, string name)
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Objects + plural, $$"""{"properties":{"{{name}}":"A"} }""")).Expect(201);
        Assert.Equal(("USD", "1.0", null), (created["properties.hs_currency_code"], created["properties.hs_exchange_rate"], created["properties.hs_homecurrency_amount"]));
        var priced = (await server.PatchAsync($"{Objects}{plural}/{created["id"]}", """{"properties":{"hs_total_price":"10.50","hs_exchange_rate":"2"}}""")).Expect(200);
        Assert.Equal("21.00", priced["properties.hs_homecurrency_amount"]);
        var refused = (await server.PatchAsync($"{Objects}{plural}/{created["id"]}", """{"properties":{"hs_homecurrency_amount":"1"}}""")).Expect(400);
        Assert.Contains("hs_homecurrency_amount", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_quote_is_a_draft()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("DRAFT", (await server.PostAsync(Objects + "quotes", """{"properties":{"hs_title":"A"}}""")).Expect(201)["properties.hs_status"]);
        Assert.Equal("APPROVED", (await server.PostAsync(Objects + "quotes", """{"properties":{"hs_title":"A","hs_status":"APPROVED"}}""")).Expect(201)["properties.hs_status"]);
    }

    [Behaviour("GET …/pipelines/{objectType}", "types without pipelines have an empty list; `leads` 403", "observed", "objects-other-than-tickets.md 6")]
    [Fact]
    public async Task Types_without_pipelines_list_none_and_get_none()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var plural in (string[])["orders", "notes", "products", "carts", "users"])
        {
            Assert.Equal(0, (await server.GetAsync($"/crm/v3/pipelines/{plural}")).Expect(200).Count("results"));
            (await server.PostAsync($"/crm/v3/pipelines/{plural}", """{"label":"A","displayOrder":0,"stages":[{"label":"S","displayOrder":0,"metadata":{}}]}""")).Expect(400);
        }

        var leads = (await server.GetAsync("/crm/v3/pipelines/leads")).Expect(403);
        Assert.Equal("MISSING_SCOPES", leads["category"]);
    }

    [Behaviour("…/objects/{objectType}", "the scopes that a refusal names", "docs, observed", "objects-other-than-tickets.md 1.2")]
    [Theory]
    [InlineData("deals", "crm.schemas.deals.read,crm.objects.deals.sensitive.read.v2,crm.objects.deals.read,crm.objects.deals.highly_sensitive.read.v2", "crm.objects.deals.write")]
    [InlineData("emails", "crm.schemas.emails.read,crm.objects.emails.read,sales-email-read", "crm.objects.emails.write")]
    [InlineData("notes", "crm.schemas.notes.read,crm.objects.notes.read", "crm.objects.notes.write")]
    [InlineData("line_items", "crm.schemas.line_items.read,crm.objects.line_items.read", "crm.objects.line_items.write")]
    [InlineData("leads", "crm.schemas.leads.read,crm.objects.leads.read", "crm.objects.leads.write")]
    public async Task A_refusal_names_the_scopes_of_the_type(string plural, string read, string write)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.NewClient(await server.CreateTokenAsync("tickets"));
        var reading = await Answer.OfAsync(await client.GetAsync(Objects + plural, TestContext.Current.CancellationToken));
        Assert.Equal(read.Split(','), NamesOf(reading));
        var writing = await Answer.OfAsync(await client.DeleteAsync($"{Objects}{plural}/1", TestContext.Current.CancellationToken));
        Assert.Equal(write.Split(','), NamesOf(writing));

        static IEnumerable<string> NamesOf(Answer refused)
        {
            Assert.Equal((int)HttpStatusCode.Forbidden, refused.Status);
            return refused.Json!["errors"]![0]!["context"]!["requiredGranularScopes"]!.AsArray().Select(name => name!.ToString());
        }
    }

    [Fact]
    public async Task A_lead_needs_a_name()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("Error creating LEAD. Some required properties were not set.", (await server.PostAsync(Objects + "leads", """{"properties":{}}""")).Expect(400)["message"]);
        (await server.PostAsync(Objects + "leads", """{"properties":{"hs_lead_name":"A"}}""")).Expect(201);
    }

    [Theory]
    [InlineData("tasks")]
    [InlineData("contacts")]
    [InlineData("companies")]
    public async Task A_pipeline_of_these_types_has_at_most_30_stages(string plural)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync($"/crm/v3/pipelines/{plural}", Stages(30))).Expect(201);
        Assert.Equal("A pipeline can have at most 30 stages", (await server.PostAsync($"/crm/v3/pipelines/{plural}", Stages(31))).Expect(400)["message"]);

        static string Stages(int count) =>
            $$"""{"label":"{{count}}","displayOrder":1,"stages":[{{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"label":"S{{i}}","displayOrder":{{i}},"metadata":{"state":"CLOSED"} }"""))}}]}""";
    }
}
