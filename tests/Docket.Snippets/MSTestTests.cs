using System.Net.Http.Json;
using Docket.Testing;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MyTests;

[TestClass]
public class MSTestTests
{
    [TestMethod]
    public async Task A_ticket_is_created()
    {
        await using var docket = await TestDocket.StartAsync();

        using var answer = await docket.HttpClient.PostAsJsonAsync("/crm/v3/objects/tickets",
            new { properties = new { subject = "Printer on fire", hs_pipeline_stage = "1" } });

        Assert.AreEqual(201, (int)answer.StatusCode);
    }
}
