using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Model;

namespace Docket.Writes;

/// <summary>
/// Turns faults into answers: one error for a batch that failed as a whole, or one entry for each failed row. In addition to
/// HubSpot's keys, <c>context</c> contains index, trace id, value and the record that has a unique value.
/// </summary>
internal static class FaultReport
{
    static readonly JsonWriterOptions Json = new() { Encoder = PlainEncoder.Instance };

    /// <summary>
    /// The 400 for a batch that failed as a whole (2.3): invalid values first, and every fault of every input in <c>errors</c>. A 409 if
    /// records exist already; it names the record if it is the only one (reference/objects-other-than-tickets.md 2.2).
    /// </summary>
    public static Error Whole(IReadOnlyList<Fault> faults, RecordInput[] inputs, long portalId)
    {
        var existing = faults.Where(fault => fault.Kind == FaultKind.Exists).ToList();
        var first = faults.FirstOrDefault(fault => fault.Kind == FaultKind.InvalidValue) ?? existing.FirstOrDefault() ?? faults[0];
        var many = inputs.Length > 1;
        var message = first.Kind == FaultKind.InvalidValue ? InvalidValues(faults, portalId) : existing.Count > 1 ? first.Message : Faults.WithHolder(first);
        return new(first.Kind == FaultKind.Exists ? 409 : 400, message, CategoryOf(first), first.SubCategory)
        {
            Context = first.Kind == FaultKind.RequiredMissing
                ? [("properties", [.. faults.Where(fault => fault.Kind == FaultKind.RequiredMissing).Select(fault => fault.Property!).Distinct()])]
                : first.Context,
            Errors = first.Kind == FaultKind.InvalidValue || faults.Count > 1 || many
                ? [.. faults.Select(fault => new ErrorDetail(Faults.WithHolder(fault), fault.Code) { Context = Context(fault, inputs, many) }), .. More(faults)]
                : [],
        };
    }

    /// <summary>
    /// The entries of a 207: one for each failed row, and one for all missing records together (4.8). Reads have no
    /// <paramref name="inputs"/>. In a part of a large batch, rows are numbered from <paramref name="offset"/>.
    /// </summary>
    public static List<RowError> Rows(IReadOnlyList<Fault> faults, RecordInput[] inputs, long portalId, long offset = 0)
    {
        var rows = new List<RowError>();
        foreach (var row in faults.Where(fault => fault.Kind != FaultKind.NotFound).GroupBy(fault => fault.Index).OrderBy(row => row.Key))
        {
            var first = row.First();
            var context = ImmutableArray.CreateBuilder<(string, ImmutableArray<string>)>();
            if (first.Kind == FaultKind.RequiredMissing)
            {
                context.Add(("properties", [first.Property!]));
            }

            context.AddRange(first.Context);
            AddPlace(context, [row.Key], inputs, offset);
            if (row.Where(fault => fault.Existing is not null).Select(fault => fault.Existing.ToString()!).ToImmutableArray() is { IsEmpty: false } existing)
            {
                context.Add(("existingId", existing));
            }

            if (row.Where(fault => fault.Near is not null).Select(fault => fault.Near!).ToImmutableArray() is { IsEmpty: false } near)
            {
                context.Add(("didYouMean", near));
            }

            var message = first.Kind == FaultKind.InvalidValue ? InvalidValues(row, portalId) : Faults.WithHolder(first);
            rows.Add(new(CategoryOf(first), first.SubCategory, message, context.DrainToImmutable()));
        }

        var missing = faults.Where(fault => fault.Kind == FaultKind.NotFound).ToList();
        if (missing.Count > 0)
        {
            var context = ImmutableArray.CreateBuilder<(string, ImmutableArray<string>)>();
            context.Add(("ids", [.. missing.Select(fault => fault.Property!)]));
            AddPlace(context, [.. missing.Select(fault => fault.Index)], inputs, offset);
            rows.Add(new("OBJECT_NOT_FOUND", null, missing[0].Message, context.DrainToImmutable()));
        }

        return rows;
    }

    static string CategoryOf(Fault fault) => fault.Kind == FaultKind.Exists ? "CONFLICT" : "VALIDATION_ERROR";

    // Faults that are left out must be mentioned.
    static IEnumerable<ErrorDetail> More(IReadOnlyList<Fault> faults) =>
        faults.Count < Validation.FaultsMax ? [] : [new($"There are more faults; the first {faults.Count} are listed.")];

    static string InvalidValues(IEnumerable<Fault> faults, long portalId)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartArray();
            foreach (var fault in faults.Where(fault => fault.Kind == FaultKind.InvalidValue))
            {
                json.WriteStartObject();
                json.WriteBoolean("isValid", false);
                json.WriteString("message", fault.Message);
                json.WriteString("error", fault.Code);
                json.WriteString("name", fault.Property);
                json.WriteString("localizedErrorMessage", fault.Message);
                json.WriteNumber("portalId", portalId);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return "Property values were not valid: " + Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    static ImmutableArray<(string, ImmutableArray<string>)> Context(Fault fault, RecordInput[] inputs, bool many)
    {
        var context = ImmutableArray.CreateBuilder<(string, ImmutableArray<string>)>();
        context.AddRange(fault.Context);
        if (fault.Property is { } property)
        {
            context.Add((fault.Kind switch { FaultKind.RequiredMissing => "properties", FaultKind.NotFound => "ids", _ => "propertyName" }, [property]));
        }

        if (fault.Value is { } value)
        {
            context.Add(("propertyValue", [value]));
        }

        if (fault.Existing is { } existing)
        {
            context.Add(("existingId", [existing.ToString()]));
        }

        if (fault.Near is { } near)
        {
            context.Add(("didYouMean", [near]));
        }

        if (many)
        {
            AddPlace(context, [fault.Index], inputs);
        }

        return context.DrainToImmutable();
    }

    static void AddPlace(ImmutableArray<(string, ImmutableArray<string>)>.Builder context, ImmutableArray<int> indexes, RecordInput[] inputs, long offset = 0)
    {
        if (inputs.Length == 0)
        {
            return;
        }

        ImmutableArray<string> traces = [.. indexes.Where(index => inputs[index].TraceId is not null).Select(index => Encoding.UTF8.GetString(inputs[index].TraceId!.Value.Span))];
        if (!traces.IsEmpty)
        {
            context.Add(("objectWriteTraceId", traces));
        }

        context.Add(("index", [.. indexes.Select(index => (offset + index).ToString())]));
    }
}
