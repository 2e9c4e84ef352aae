using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Objects;
using Docket.Writes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Record = Docket.Model.Record;

namespace Docket.Tests.Promises;

/// <summary>
/// Memory taken for each input of a batch of 100 tickets with eight properties, stage by stage, as a budget some 30 %
/// above what was measured: a closure, a boxed value or a string for a row shows at once. One that gets lower is lowered here.
/// </summary>
public sealed class AllocationTests
{
    const int Inputs = 100, Rounds = 20;

    static readonly byte[] Body = Encoding.UTF8.GetBytes($$"""{"inputs":[{{string.Join(',', Enumerable.Range(0, Inputs).Select(Input))}}]}""");

    [Fact]
    public async Task Reading_stays_within_its_budget()
    {
        using var body = await BodyAsync();
        AssertBudget(640, () => BatchReader.ReadBatch(body, WriteKind.Upsert));
    }

    [Fact]
    public async Task Validating_stays_within_its_budget()
    {
        using var body = await BodyAsync();
        var inputs = BatchReader.ReadBatch(body, WriteKind.Upsert);
        AssertBudget(490, () => Assert.Empty(Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller).Faults));
    }

    [Fact]
    public async Task Planning_creates_stays_within_its_budget()
    {
        using var body = await BodyAsync();
        var batch = Check(BatchReader.ReadBatch(body, WriteKind.Upsert));
        AssertBudget(1_680, () => Assert.Equal(Inputs, Planner.Decide(batch, new(new Record?[Inputs], []), 1, 1).Writes.Count));
    }

    [Fact]
    public async Task Planning_updates_stays_within_its_budget()
    {
        using var body = await BodyAsync();
        var batch = Check(BatchReader.ReadBatch(body, WriteKind.Upsert));
        var created = Planner.Decide(batch, new(new Record?[Inputs], []), 1, 1).Outcome.Results.Select(result => result.Record).ToArray();
        var updates = Check([.. Enumerable.Range(0, Inputs).Select(i => new RecordInput
        {
            Id = Encoding.UTF8.GetBytes($"key-{i}"),
            IdProperty = "ext_a"u8.ToArray(),
            Values = [new("subject"u8.ToArray(), "another"u8.ToArray()), new("content"u8.ToArray(), "changed too"u8.ToArray()), new("amount"u8.ToArray(), "77"u8.ToArray())],
        })]);
        AssertBudget(730, () => Assert.Equal(Inputs, Planner.Decide(updates, new(created, []), 2, Inputs + 1).Writes.Count));
    }

    [Fact]
    public async Task Answering_stays_within_its_budget()
    {
        using var body = await BodyAsync();
        var outcome = Planner.Decide(Check(BatchReader.ReadBatch(body, WriteKind.Upsert)), new(new Record?[Inputs], []), 1, 1).Outcome;
        var http = Answering();
        var answer = new Answer();
        http.Features.Set<IHttpResponseBodyFeature>(answer);
        AssertBudget(120, () =>
        {
            answer.Clear();
            Assert.True(BatchResponse.WriteAsync(http, outcome).IsCompletedSuccessfully);
        });
        Assert.Equal(Inputs, JsonDocument.Parse(answer.Written).RootElement.GetProperty("results").GetArrayLength());
    }

    static string Input(int i) => $$$"""
        {"id":"key-{{{i}}}","idProperty":"ext_a","objectWriteTraceId":"trace-{{{i}}}","properties":{"subject":"Ticket {{{i}}}","content":"Something doesn't work, and here is how","hs_pipeline_stage":"1","hs_ticket_priority":"HIGH","amount":"{{{i}}}","due":"2026-03-14","ext_b":"other-{{{i}}}","urgent":"true"}}
        """;

    static WriteBatch Check(RecordInput[] inputs) => Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller);

    static async Task<RequestBody> BodyAsync()
    {
        var http = new DefaultHttpContext();
        http.Request.ContentType = "application/json";
        http.Request.Body = new MemoryStream(Body);
        http.Features.Set(new BodyBudget());
        return await RequestBody.ReadAsync(http);
    }

    static DefaultHttpContext Answering()
    {
        var http = new DefaultHttpContext();
        http.Features.Set(new Call(Schemata.Caller, null!, null, new ManualClock()) { Random = new Random(1) });
        return http;
    }

    // The lowest of several rounds: other work of the runtime during a round, such as recompilation, only adds.
    static void AssertBudget(long bytesMax, Action stage)
    {
        var least = long.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            stage();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.True(least / Inputs <= bytesMax, $"{least / Inputs} bytes for each input; the budget is {bytesMax}");
    }

    /// <summary>The body of an answer, in memory that is there already.</summary>
    sealed class Answer : PipeWriter, IHttpResponseBodyFeature
    {
        readonly byte[] buffer = new byte[1 << 20];
        int length;

        public ReadOnlyMemory<byte> Written => buffer.AsMemory(0, length);

        public Stream Stream => throw new NotSupportedException();

        public PipeWriter Writer => this;

        public void Clear() => length = 0;

        public override void Advance(int bytes) => length += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => buffer.AsMemory(length);

        public override Span<byte> GetSpan(int sizeHint = 0) => buffer.AsSpan(length);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public Task CompleteAsync() => Task.CompletedTask;

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
