using Docket.Http;
using Docket.Model;
using Docket.Writes;

namespace Docket.Objects;

/// <summary>Fills in the values that new records copy from the record that they name (<see cref="ObjectType.Copying"/>).</summary>
internal static class CopiedValues
{
    /// <summary>Adds the values that inputs leave out. A record that doesn't exist has none.</summary>
    public static async ValueTask FillAsync(Call call, RecordInput[] inputs, CancellationToken cancellation)
    {
        if (call.Type.Copying is not { } copying || call.Store.Schema.Find(copying.From) is not { IsUsed: true } source)
        {
            return;
        }

        var property = call.Schema.Require(copying.Property);
        var named = inputs.Select(input => (Input: input, Id: Find(input, property) is { } sent ? Record.ParseId(sent.Value.Span) : null)).Where(one => one.Id is not null).ToList();
        if (named.Count == 0)
        {
            return;
        }

        var records = await call.Store.ReadAsync(snapshot => snapshot.FindAsync(source.Type, [.. named.Select(one => one.Id!.Value)], archived: false), cancellation);
        foreach (var (one, record) in named.Zip(records))
        {
            if (record is not null)
            {
                one.Input.Values = [.. one.Input.Values, .. Missing(one.Input, call.Schema, copying).Select(name => ValueOf(source, record, name)).OfType<RawValue>()];
            }
        }
    }

    static IEnumerable<string> Missing(RecordInput input, Schema schema, CopyRule copying) =>
        copying.Names.Where(name => schema.Find(name) is { } property && Find(input, property) is null);

    static RawValue? Find(RecordInput input, Property property) =>
        Array.FindLast(input.Values, value => !value.IsNull && value.Name.Span.SequenceEqual(property.Utf8Name)) is { Name.IsEmpty: false } found ? found : null;

    static RawValue? ValueOf(Schema schema, Record record, string name)
    {
        var values = new ValueReader(record.Values.Span);
        return schema.Find(name) is { } property && values.Seek(property.Number) && !values.Value.IsEmpty
            ? new(property.Utf8Name, record.Values.Slice(values.ValueStart, values.Value.Length))
            : null;
    }
}
