using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>The single lookups of a batch. They see the writes of the open transaction.</summary>
internal interface IRecordLookup
{
    /// <summary>Finds an active or archived record by id; any number is allowed.</summary>
    Record? FindId(ObjectType type, long id, bool archived);

    /// <summary>Finds the active record with a unique value.</summary>
    Record? FindUnique(Property property, ReadOnlyMemory<byte> value);

    /// <summary>Finds the id of the active record with a unique value.</summary>
    long? FindOwner(Property property, ReadOnlyMemory<byte> value);

    /// <summary>Finds the id of the record into which a record was merged.</summary>
    long? FindSurvivor(ObjectType type, long id);
}

/// <summary>Finds the records that a batch names, and the owners of its unique values. The rules are the same for every engine.</summary>
internal static class BatchLookup
{
    public static FoundRecords Find(IRecordLookup records, WriteBatch batch)
    {
        var type = batch.Schema.Type;
        var found = new FoundRecords(new Record?[batch.Inputs.Length], new(batch.Inputs.Length));
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var input = batch.Inputs[i];
            if (input.Skipped)
            {
                continue;
            }

            if (batch.Kind != WriteKind.Create)
            {
                found.Records[i] = input.Key is null ? FindId(records, batch.Kind, type, input.KeyValue.Span, batch.Raw[i].FollowsMerges) : records.FindUnique(input.Key, input.KeyValue);
                if (input.Key is not null && found.Records[i] is { } record)
                {
                    found.Owners[new(input.Key, input.KeyValue)] = record.Id;
                }
                else if (input.Key is { HasParts: true })
                {
                    AddOwners(records, found, batch, Claims.Of(input.Key, input.KeyValue)); // no record has the whole, but one may have a part
                }
            }

            foreach (var value in input.Values)
            {
                var isKey = batch.Kind != WriteKind.Create && value.Property == input.Key && value.Value.Span.SequenceEqual(input.KeyValue.Span); // already looked up
                if (value.Property.Unique && !isKey)
                {
                    AddOwners(records, found, batch, Claims.Of(value.Property, value.Value));
                }
            }

            if (batch.Kind == WriteKind.Restore && found.Records[i] is { } archived)
            {
                AddOwners(records, found, batch, archived);
            }
        }

        return found;
    }

    /// <summary>Finds a record by id, or the record into which it was merged.</summary>
    public static Record? Follow(this IRecordLookup records, ObjectType type, long id, bool archived) =>
        records.FindId(type, id, archived) ?? (records.FindSurvivor(type, id) is { } survivor ? records.FindId(type, survivor, archived) : null);

    static Record? FindId(IRecordLookup records, WriteKind kind, ObjectType type, ReadOnlySpan<byte> text, bool followsMerges) => Record.ParseId(text) is not { } id ? null : kind switch
    {
        WriteKind.Restore => records.Follow(type, id, archived: true) ?? records.Follow(type, id, archived: false),
        WriteKind.Merge => records.Follow(type, id, archived: false),
        WriteKind.Purge => records.Follow(type, id, archived: false) ?? records.Follow(type, id, archived: true),
        WriteKind.Update when followsMerges => records.Follow(type, id, archived: false),
        _ => records.FindId(type, id, archived: false),
    };

    // The current owners of an archived record's unique values.
    static void AddOwners(IRecordLookup records, FoundRecords found, WriteBatch batch, Record record)
    {
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            if (batch.Schema.FindNumberEvenArchived(stored.Number) is { Unique: true } property)
            {
                AddOwners(records, found, batch, Claims.Of(property, record.Values.Slice(stored.ValueStart, stored.Value.Length)));
            }
        }
    }

    static void AddOwners(IRecordLookup records, FoundRecords found, WriteBatch batch, Claims claims)
    {
        foreach (var unique in claims)
        {
            if (found.Owners.ContainsKey(unique) || records.FindOwner(unique.Property!, unique.Value) is not { } owner)
            {
                continue;
            }

            found.Owners[unique] = owner;
            if (batch.Kind == WriteKind.Create && unique.Property!.More is { } more && records.FindId(batch.Schema.Type, owner, archived: false) is { } holder
                && Claims.Include(holder.Values, more, unique.Value.Span, ofAll: false))
            {
                (found.Further ??= []).Add(unique);
            }
        }
    }
}
