using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;
using Docket.Writes;

namespace Docket.Jobs;

/// <summary>
/// The next inputs of a job: read, checked, and once applied told of. An input that is refused on its own is told with
/// its error and left out; unless the job is all or nothing, when any error is that of the whole.
/// </summary>
internal sealed class JobInputs : IDisposable
{
    readonly Job job;
    readonly Caller caller;
    readonly long now;
    readonly List<RequestBody> bodies = [];

    // One for each input: what it wants, or why it can't be.
    readonly List<(RecordInput? Input, Error? Error)> rows = [];

    JobInputs(Job job, Caller caller, long now)
    {
        this.job = job;
        this.caller = caller;
        this.now = now;
    }

    public int Count => rows.Count;

    /// <summary>Reads stored inputs.</summary>
    public static JobInputs Read(Job job, List<byte[]> lines, Caller caller, long now)
    {
        var inputs = new JobInputs(job, caller, now);
        lines.ForEach(line => inputs.rows.Add(inputs.ReadRow(line)));

        return inputs;
    }

    /// <summary>Applies the first <paramref name="count"/> inputs, in one transaction with the record of what became of them.</summary>
    /// <exception cref="Refusal">They were refused together, or the store can't serve.</exception>
    public async Task ApplyAsync(IStore store, int count)
    {
        var places = new List<int>();
        for (var i = 0; i < count; i++)
        {
            if (rows[i].Error is { } error)
            {
                if (job.Whole)
                {
                    throw new Refusal(error);
                }
            }
            else
            {
                places.Add(i);
            }
        }

        var errors = new Error?[count];
        var batch = Check(store.Schema(job.Type), places, errors);
        JobRows Tell(Outcome? outcome) => Show(count, outcome, places, errors);
        if (batch is null)
        {
            await store.Jobs.RecordAsync(new(job.Id, job.Done, count, Tell), Tell(null));
        }
        else
        {
            await store.ApplyAsync(batch, new JobStep(job.Id, job.Done, count, Tell));
        }
    }

    /// <summary>Records that the first <paramref name="count"/> inputs were refused together.</summary>
    public Task RefuseAsync(IStore store, int count, Error error)
    {
        var told = Show(count, null, [], [.. Enumerable.Repeat<Error?>(job.Whole ? Faults.RefusedWithBatch() : error, count)]);
        return store.Jobs.RecordAsync(new(job.Id, job.Done, count, _ => told), job.Whole ? told with { Refusal = ToBytes(error) } : told);
    }

    public void Dispose() => bodies.ForEach(body => body.Dispose());

    (RecordInput? Input, Error? Error) ReadRow(byte[] line)
    {
        if (line.Length == 0)
        {
            return (null, Faults.InputTooLong(InputChunk.InputMax));
        }

        try
        {
            var body = RequestBody.Copy(line);
            bodies.Add(body);
            return (BatchReader.ReadInput(body, job.Kind), null);
        }
        catch (Refusal refusal)
        {
            return (null, refusal.Error);
        }
    }

    // Together if they can be; else those that are refused even alone are left out.
    WriteBatch? Check(Schema schema, List<int> places, Error?[] errors)
    {
        WriteBatch? CheckAll() => places.Count == 0 ? null : Validation.Check(
            job.Kind, [.. places.Select(place => rows[place].Input!)], schema, caller, job.Whole ? job.Helps : job.Helps | Help.RowOutcomes, inOrder: !job.Whole);
        try
        {
            return CheckAll();
        }
        catch (Refusal) when (!job.Whole)
        {
            foreach (var place in places)
            {
                try
                {
                    Validation.Check(job.Kind, [rows[place].Input!], schema, caller, job.Helps | Help.RowOutcomes);
                }
                catch (Refusal refusal)
                {
                    errors[place] = refusal.Error;
                }
            }

            places.RemoveAll(place => errors[place] is not null);
            return CheckAll();
        }
    }

    JobRows Show(int count, Outcome? outcome, List<int> places, Error?[] errors)
    {
        var refused = outcome is { Refused: true } ? FaultReport.Whole(outcome.Faults, outcome.Batch.Raw, caller.PortalId) : null;
        var (created, updated, unchanged, failed) = (0, 0, 0, 0);
        var lines = new ArrayBufferWriter<byte>();
        var shown = outcome is null ? default : (View: new RecordView(outcome.Batch.Schema, now) { ShowLabels = job.Helps.HasFlag(Help.Labels) }, Set: new PropertySet(outcome.Batch.Schema));
        var faults = outcome?.Faults.ToLookup(fault => fault.Index);
        using var json = new Utf8JsonWriter(lines, Wire.WriterOptions);
        for (int i = 0, at = 0; i < count; i++)
        {
            json.WriteStartObject();
            json.WriteNumber("index", job.Done + i);
            var isApplied = at < places.Count && places[at] == i;
            if (isApplied && refused is null && outcome!.Results[at] is { Record: not null } result)
            {
                json.WritePropertyName("result");
                BatchResponse.WriteResult(json, outcome, at, shown.View, shown.Set);
                _ = result.Effect switch { Effect.Created => created++, Effect.Updated => updated++, _ => unchanged++ };
            }
            else
            {
                json.WritePropertyName("error");
                BatchEnvelope.WriteError(json, (errors[i] ?? rows[i].Error ?? (refused is null ? null : Faults.RefusedWithBatch())) is { } error
                    ? new(error.Category ?? "VALIDATION_ERROR", error.SubCategory, error.Message, [.. error.Context, .. Trace(rows[i].Input), ("index", [(job.Done + i).ToString()])])
                    : FaultReport.Rows([.. faults![at].Select(fault => fault with { Index = 0 })], [outcome!.Batch.Raw[at]], caller.PortalId, job.Done + i)[0]);
                failed++;
            }

            at += isApplied ? 1 : 0;
            json.WriteEndObject();
            json.Flush();
            lines.Write("\n"u8);
            json.Reset();
        }

        return new(lines.WrittenMemory, created, updated, unchanged, failed, refused is null ? null : ToBytes(refused));
    }

    static byte[] ToBytes(Error error) => Wire.ToBytes((error, (string?)null), Wire.WriteError);

    static IEnumerable<(string, ImmutableArray<string>)> Trace(RecordInput? input) =>
        input?.TraceId is { } trace ? [("objectWriteTraceId", [Encoding.UTF8.GetString(trace.Span)])] : [];
}
