using System.Net.Http.Json;
using Docket.Testing;
using NUnit.Framework;

namespace MyTests;

[Parallelizable(ParallelScope.All), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class NUnitTests
{
    [Test]
    public async Task A_ticket_is_created()
    {
        await using var docket = await TestDocket.StartAsync();

        using var answer = await docket.HttpClient.PostAsJsonAsync("/crm/v3/objects/tickets",
            new { properties = new { subject = "Printer on fire", hs_pipeline_stage = "1" } });

        Assert.That((int)answer.StatusCode, Is.EqualTo(201));
    }
}
