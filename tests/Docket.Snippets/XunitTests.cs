using System.Net.Http.Json;
using Docket.Testing;
using Xunit;

namespace MyTests;

public class XunitTests
{
    [Fact]
    public async Task A_ticket_is_created()
    {
        await using var docket = await TestDocket.StartAsync();

        using var answer = await docket.HttpClient.PostAsJsonAsync("/crm/v3/objects/tickets",
            new { properties = new { subject = "Printer on fire", hs_pipeline_stage = "1" } });

        Assert.Equal(201, (int)answer.StatusCode);
    }
}
