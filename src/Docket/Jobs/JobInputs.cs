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
/// Some inputs of a job, read and validated: applies them and records the results. An input that is refused on its own is recorded
/// with its error and left out. If the job is all or nothing, any error applies to the whole job.
/// </summary>
internal sealed class JobInputs
{
    readonly Job job;
    readonly Caller caller;
    readonly long now;

    // For each input, the parsed input or its error.
    readonly List<(StoredInput Stored, RecordInput? Input, Error? Error)> rows;

    // The batch, which of the rows it consists of, and the errors of rows that were refused alone.
    readonly List<int> places = [];
    readonly Error?[] errors;
    WriteBatch? batch;

    JobInputs(Job job, List<(StoredInput, RecordInput?, Error?)> rows, Caller caller, long now)
    {
        this.job = job;
        this.rows = rows;
        this.caller = caller;
        this.now = now;
        errors = new Error?[rows.Count];
    }

    /// <summary>Reads stored inputs, the first of which is where the job is.</summary>
    public static JobInputs Read(Job job, IEnumerable<StoredInput> lines, Caller caller, long now) =>
        new(job, [.. lines.Select(line => ReadRow(line, job))], caller, now);

    /// <summary>Validates the inputs.</summary>
    /// <exception cref="Refusal">They are refused together.</exception>
    public void Check(Schema schema)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Error is not { } error)
            {
                places.Add(i);
            }
            else if (job.Whole)
            {
                throw new Refusal(error);
            }
        }

        batch = CheckBatch(schema);
    }

    /// <summary>Applies the inputs, after <see cref="Check"/>, and stores their results, in one transaction.</summary>
    /// <exception cref="Refusal">The inputs are refused together, the job is not where they begin, or the store can't serve.</exception>
    public async Task ApplyAsync(IStore store)
    {
        if (batch is null)
        {
            await store.Jobs.RecordAsync(new(job.Id, job.Done, rows.Count, Show), Show(null));
        }
        else
        {
            await store.ApplyAsync(batch, new JobStep(job.Id, job.Done, rows.Count, Show));
        }
    }

    /// <summary>Records that the inputs were refused together.</summary>
    public Task RefuseAsync(IStore store, Error error)
    {
        places.Clear();
        Array.Fill(errors, job.Whole ? Faults.RefusedWithBatch() : error);
        var shown = Show(null);
        if (job.Whole)
        {
            shown = shown with { Refusal = ToBytes(error) };
            shown.Names.Add(rows.Count, error);
        }

        return store.Jobs.RecordAsync(new(job.Id, job.Done, rows.Count, _ => shown), shown);
    }

    static (StoredInput Stored, RecordInput? Input, Error? Error) ReadRow(StoredInput stored, Job job)
    {
        if (stored.Json.Length == 0)
        {
            return (stored, null, Faults.InputTooLong(InputChunk.InputMax));
        }

        try
        {
            return (stored, BatchReader.ReadInput(RequestBody.Of(stored.Json), job.Kind, job.Features), null);
        }
        catch (Refusal refusal)
        {
            return (stored, null, stored.Line is { } line ? Faults.OnLine(refusal.Error, line) : refusal.Error);
        }
    }

    // All together if possible; otherwise without those that are refused even alone.
    WriteBatch? CheckBatch(Schema schema)
    {
        WriteBatch? CheckAll() => places.Count == 0 ? null : Validation.Check(
            job.Kind, [.. places.Select(place => rows[place].Input!)], schema, caller, job.Whole ? job.Features : job.Features | OptionalFeatures.RowOutcomes, inOrder: !job.Whole);
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
                    Validation.Check(job.Kind, [rows[place].Input!], schema, caller, job.Features | OptionalFeatures.RowOutcomes);
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

    // Without values that need a scope of their own: it isn't known who will read the results.
    RecordView ViewOf(Schema schema) => new(schema, now) { ShowLabels = job.Features.HasFlag(OptionalFeatures.Labels), Owners = caller.Owners, Hidden = schema.Guarded };

    JobRows Show(Outcome? outcome)
    {
        var refused = outcome is { Refused: true } ? FaultReport.Whole(outcome.Faults, outcome.Batch.Raw, caller.PortalId) : null;
        var (created, updated, unchanged) = (0, 0, 0);
        var (failures, names) = (new List<byte>(), new Names());
        var (lines, rejected) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        var shown = outcome is null ? default : (View: ViewOf(outcome.Batch.Schema), Set: new PropertySet(outcome.Batch.Schema));
        var faults = outcome?.Faults.ToLookup(fault => fault.Index);
        using var json = new Utf8JsonWriter(lines, Wire.WriterOptions);
        for (int i = 0, at = 0; i < rows.Count; i++)
        {
            json.WriteStartObject();
            json.WriteNumber("index", job.Done + i);
            var isApplied = at < places.Count && places[at] == i;
            if (isApplied && refused is null && outcome!.Results[at] is { Record: { } record } result)
            {
                if (record.Id < Record.IdBase)
                {
                    // A dry run has an index in the step in place of an id: change it to the index among all inputs.
                    outcome.Results[at] = result with { Record = record with { Id = job.Done + places[(int)record.Id] } };
                }

                json.WritePropertyName("result");
                BatchResponse.WriteResult(json, outcome, at, shown.View, shown.Set);
                names.Add(i, outcome.Results[at]);
                _ = result.Effect switch { Effect.Created => created++, Effect.Updated => updated++, _ => unchanged++ };
            }
            else
            {
                var cause = errors[i] ?? rows[i].Error ?? (refused is null ? null : Faults.RefusedWithBatch());
                var error = cause is not null
                    ? new(cause.Category ?? "VALIDATION_ERROR", cause.SubCategory, cause.Message, [.. cause.Context, .. Trace(rows[i].Input), ("index", [(job.Done + i).ToString()])])
                    : FaultReport.Rows([.. faults![at].Select(fault => fault with { Index = 0 })], [outcome!.Batch.Raw[at]], caller.PortalId, job.Done + i)[0];
                var id = FindId(rows[i].Stored.Json);
                json.WritePropertyName("error");
                BatchEnvelope.WriteError(json, error with { Context = [.. error.Context, .. Place(id, rows[i].Stored.Line)] });
                rejected.Write(rows[i].Stored.Json);
                rejected.Write("\n"u8);
                failures.Add((byte)i);
                NameRejected(names, i, id, cause, isApplied ? outcome : null, at);
            }

            at += isApplied ? 1 : 0;
            json.WriteEndObject();
            json.Flush();
            lines.Write("\n"u8);
            json.Reset();
        }

        foreach (var fault in refused is null ? [] : outcome!.Faults)
        {
            names.Add(rows.Count, fault);
        }

        return new(lines.WrittenMemory, created, updated, unchanged)
        {
            Failures = [.. failures],
            Rejected = rejected.WrittenMemory,
            Refusal = refused is null ? null : ToBytes(refused),
            Names = names,
        };
    }

    // The records that the error of a row names: by the id that was sent, as it was sent and as it is stored, and by what was found.
    static void NameRejected(Names names, int row, string? id, Error? cause, Outcome? outcome, int at)
    {
        if (id is not null)
        {
            names.Add(row, Encoding.UTF8.GetBytes(id));
        }

        if (cause is not null)
        {
            names.Add(row, cause);
        }

        if (outcome?.Batch.Inputs[at].KeyValue is { IsEmpty: false } stored)
        {
            names.Add(row, stored.Span);
        }

        foreach (var fault in outcome?.Faults.Where(fault => fault.Index == at) ?? [])
        {
            names.Add(row, fault);
        }
    }

    // Lets the sender find the input: by its id, even if the rest can't be read, and by its line.
    static IEnumerable<(string, ImmutableArray<string>)> Place(string? id, long? line)
    {
        if (id is not null)
        {
            yield return ("id", [id]);
        }

        if (line is { } number)
        {
            yield return ("line", [number.ToString()]);
        }
    }

    static string? FindId(byte[] input)
    {
        try
        {
            var json = new Utf8JsonReader(input);
            while (json.Read())
            {
                if (json.CurrentDepth == 1 && json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals("id"u8))
                {
                    return json.Read() && json.TokenType == JsonTokenType.String ? json.GetString() : json.TokenType == JsonTokenType.Number ? Encoding.UTF8.GetString(json.ValueSpan) : null;
                }
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // not JSON, or half a surrogate pair in the id
        }

        return null;
    }

    static byte[] ToBytes(Error error) => Wire.ToBytes((error, (string?)null), Wire.WriteError);

    static IEnumerable<(string, ImmutableArray<string>)> Trace(RecordInput? input) =>
        input?.TraceId is { } trace ? [("objectWriteTraceId", [Encoding.UTF8.GetString(trace.Span)])] : [];
}
