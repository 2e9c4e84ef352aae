using System.Text;

namespace Docket.Tests.Jobs;

/// <summary>The memory of jobs. It is that of the whole process, so no other test runs at the same time.</summary>
[Collection(nameof(Alone))]
public sealed class JobMemoryTests
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Twenty_thousand_lines_are_streamed_in_bounded_memory()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        // 20,000 lines of 4 kB: 80 MB, of which at no time more than a few are in memory.
        var text = new string('t', 4_000);
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        var highest = 0L;
        using var request = JobTests.Request(JobTests.Upsert, new JobTests.StreamedContent(async stream =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes($$$"""{"idProperty":"ext_id","id":"s-{{{i}}}","properties":{"content":"{{{text}}}","hs_pipeline_stage":"1"}}""" + "\n"), TestContext.Current.CancellationToken);
                if (i % 1_000 == 999)
                {
                    highest = Math.Max(highest, GC.GetTotalMemory(forceFullCollection: true) - heap);
                }
            }
        }), "application/x-ndjson");
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var job = await JobTests.EndAsync(server, (await Answer.OfAsync(response)).Expect(202)["id"]!);
        Assert.Equal(("COMPLETE", "20000", "20000"), (job["status"], job["inputs"], job["created"]));
        Assert.True(highest < 30_000_000, $"{highest:N0} bytes more were held while lines arrived");
    }
}

/// <summary>Tests that run alone.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
