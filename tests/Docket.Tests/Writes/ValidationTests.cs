using System.Text;
using Docket.Model;
using Docket.Writes;

namespace Docket.Tests.Writes;

public class ValidationTests
{
    [Fact]
    public void So_many_faults_that_not_every_row_was_checked_refuse_the_batch_with_or_without_trace_ids()
    {
        var nonsense = Enumerable.Range(0, Validation.FaultsMax).Select(i => new RawValue(Utf8($"no_such_property_{i}"), Utf8("x")));
        RecordInput[] inputs =
        [
            new() { Id = Utf8("1"), IdProperty = Utf8("ext_a"), TraceId = Utf8("a"), Values = [.. nonsense] },
            new() { Id = Utf8("2"), IdProperty = Utf8("ext_a"), TraceId = Utf8("b"), Values = [new(Utf8("hs_pipeline_stage"), Utf8("1"))] },
        ];

        var refusal = Assert.Throws<Refusal>(() => Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller));
        Assert.Equal(400, refusal.Error.Status);
        Assert.Equal(Validation.FaultsMax + 1, refusal.Error.Errors.Length);
        Assert.Equal($"There are more faults; the first {Validation.FaultsMax} are listed.", refusal.Error.Errors[^1].Message);
    }

    [Fact]
    public void One_fault_less_is_told_row_by_row()
    {
        var nonsense = Enumerable.Range(1, Validation.FaultsMax - 1).Select(i => new RawValue(Utf8($"no_such_property_{i}"), Utf8("x")));
        RecordInput[] inputs =
        [
            new() { Id = Utf8("1"), IdProperty = Utf8("ext_a"), TraceId = Utf8("a"), Values = [.. nonsense] },
            new() { Id = Utf8("2"), IdProperty = Utf8("ext_a"), TraceId = Utf8("b"), Values = [new(Utf8("hs_pipeline_stage"), Utf8("1"))] },
        ];

        var batch = Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller);
        Assert.Equal(Validation.FaultsMax - 1, batch.Faults.Count);
        Assert.Equal([true, false], batch.Inputs.Select(input => input.Faulty));
    }

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
