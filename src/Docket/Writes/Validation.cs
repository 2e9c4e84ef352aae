using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>
/// Validates the inputs of a batch against a schema: needs no database, finds every fault of every input, and normalises each
/// value once. Steps as in reference/objects-and-batch.md 1.7.
/// </summary>
internal static class Validation
{
    public const int InputsMax = 100;

    /// <summary>Most faults of values before validation stops: a body of 64 MB can contain millions.</summary>
    public const int FaultsMax = 2_000;

    /// <summary>Most faults of a batch that get a similar name.</summary>
    const int NearNamesMax = 100;

    /// <summary>Returns the validated batch.</summary>
    /// <param name="kind">The kind of write.</param>
    /// <param name="inputs">The inputs in the request.</param>
    /// <param name="schema">The schema to check against.</param>
    /// <param name="caller">The caller.</param>
    /// <param name="features">The optional features of the request.</param>
    /// <param name="inOrder">See <see cref="WriteBatch.InOrder"/>.</param>
    /// <exception cref="Refusal">The batch has an error (size, <c>idProperty</c>, repeated ids), or an input of a batch that is all or nothing has one.</exception>
    public static WriteBatch Check(WriteKind kind, RecordInput[] inputs, Schema schema, Caller caller, OptionalFeatures features = OptionalFeatures.None, bool inOrder = false)
    {
        // 1. The batch itself.
        if (inputs.Length == 0)
        {
            throw new Refusal(Faults.NoInputs());
        }

        if (inputs.Length > InputsMax)
        {
            throw new Refusal(Faults.TooManyInputs(InputsMax));
        }

        // 2. The property that identifies each input. No two inputs may refer to the same record, unless they can be folded.
        var keys = FindKeys(kind, inputs, schema, caller);
        var fold = features.HasFlag(OptionalFeatures.FoldDuplicates);
        if (kind is WriteKind.Update or WriteKind.Upsert && !fold && !inOrder)
        {
            RefuseDuplicates(inputs, keys, schema);
        }

        // 3. Every value of every input.
        var faults = new List<Fault>();
        var perRow = features.HasFlag(OptionalFeatures.RowOutcomes);
        var traced = kind is WriteKind.Create or WriteKind.Update or WriteKind.Upsert; // the answer to archiving can't report a single row (4.10)
        var isChecked = new CheckedInput[inputs.Length];
        var names = new SentNames(schema);
        for (var i = 0; i < inputs.Length; i++)
        {
            traced &= perRow || inputs[i].TraceId is not null;
            isChecked[i] = CheckInput(kind, i, inputs[i], keys[i], schema, names, caller, faults, features.HasFlag(OptionalFeatures.Labels));
        }

        // 4. All or nothing with a fault: refuse (1.7, step 7). Also if there were so many faults that not every input was checked:
        // no row may be omitted silently.
        if ((!traced && faults.Count > 0) || faults.Count >= FaultsMax)
        {
            throw new Refusal(FaultReport.Whole(faults, inputs, caller.PortalId));
        }

        return new WriteBatch
        {
            Kind = kind,
            Caller = caller,
            Schema = schema,
            Raw = inputs,
            Inputs = isChecked,
            Faults = faults,
            Traced = traced,
            InOrder = inOrder,
            Features = features,
            Folded = fold ? Fold(isChecked) : [],
            HasTies = Array.Exists(inputs, static input => input.Ties is not null) || (schema.Linking is not null && Array.Exists(isChecked, input => InputTies.FindLink(kind, input, schema) is not null)),
        };
    }

    static Property?[] FindKeys(WriteKind kind, RecordInput[] inputs, Schema schema, Caller caller)
    {
        var keys = new Property?[inputs.Length];
        if (kind is not (WriteKind.Update or WriteKind.Upsert))
        {
            return keys;
        }

        List<Fault>? unknown = null;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].IdProperty is not { } name)
            {
                // An upsert must name a property: the record id is not a unique property (1.2).
                if (kind == WriteKind.Upsert)
                {
                    throw new Refusal(Faults.NonUniqueIdProperty(schema.Type, "hs_object_id", caller.PortalId));
                }
            }
            else if (i > 0 && keys[i - 1] is { } before && name.Span.SequenceEqual(before.Utf8Name))
            {
                keys[i] = before;
            }
            else if (schema.Find(name.Span) is not { } key)
            {
                (unknown ??= []).Add(Unknown(i, name.Span, schema, unknown));
            }
            else if (!key.Unique)
            {
                throw new Refusal(Faults.NonUniqueIdProperty(schema.Type, key.Name, caller.PortalId));
            }
            else
            {
                keys[i] = key;
            }
        }

        return unknown is null ? keys : throw new Refusal(FaultReport.Whole(unknown, inputs, caller.PortalId));
    }

    static void RefuseDuplicates(RecordInput[] inputs, Property?[] keys, Schema schema)
    {
        var seen = new HashSet<UniqueValue>(inputs.Length);
        List<string>? repeated = null;
        for (var i = 0; i < inputs.Length; i++)
        {
            var value = keys[i] is { Rule: not null } key ? NormaliseKey(schema, key, inputs[i].Id) : null;
            if (!seen.Add(new(keys[i], value ?? inputs[i].Id)))
            {
                var id = Encoding.UTF8.GetString(inputs[i].Id.Span);
                if (!(repeated ??= []).Contains(id))
                {
                    repeated.Add(id);
                }
            }
        }

        if (repeated is not null)
        {
            throw new Refusal(Faults.DuplicateIds(repeated));
        }
    }

    static CheckedInput CheckInput(WriteKind kind, int index, RecordInput input, Property? key, Schema schema, SentNames names, Caller caller, List<Fault> faults, bool labels)
    {
        var before = faults.Count;
        var keyValue = input.Id;
        if (kind != WriteKind.Create && keyValue.IsEmpty)
        {
            faults.Add(Faults.EmptyId(index, key?.Name));
        }
        else if (key is not null)
        {
            keyValue = CheckKey(index, schema, caller.Settings, key, keyValue, out var fault);
            if (fault is null && keyValue.IsEmpty)
            {
                fault = Faults.EmptyId(index, key.Name); // only white space
            }

            if (fault is not null)
            {
                faults.Add(fault);
            }
        }

        var sent = labels ? StageLabels.ToIds(index, input.Values, schema, faults) : input.Values;
        var values = new PropertyValue[sent.Length];
        var count = 0;
        for (var i = 0; i < sent.Length; i++)
        {
            var raw = sent[i];
            if (faults.Count >= FaultsMax)
            {
                break; // the batch is refused, and the answer is long enough
            }

            if (names.Find(i, raw.Name.Span) is not { } property)
            {
                faults.Add(Unknown(index, raw.Name.Span, schema, faults));
            }
            else if (raw.IsNull || (labels && (raw = ValueLabels.ToStored(index, raw, property, caller.Owners, faults)).IsNull))
            {
                continue; // accepted, no change (2.1)
            }
            else if (PropertyValues.Check(index, schema, caller.Settings, property, raw.Value, out var value) is { } fault)
            {
                faults.Add(fault);
            }
            else if (property.Kind == PropertyKind.Owner && !value.Value.IsEmpty && !caller.Owners.Knows(value.Value.Span))
            {
                faults.Add(Faults.UnknownOwner(index, property, value.Value.Span));
            }
            else if (value is { Append: true, Value.IsEmpty: true })
            {
                continue; // nothing to append
            }
            else
            {
                Insert(values, ref count, value);
            }
        }

        return new(key, keyValue, count == values.Length ? values : values[..count], faults.Count > before) { Ties = input.Ties };
    }

    // As if they were sent one after the other: the last value of each property wins. An input with a fault is left out.
    static List<int> Fold(CheckedInput[] inputs)
    {
        var folded = new List<int>();
        var last = new Dictionary<UniqueValue, int>(inputs.Length);
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].Skipped)
            {
                continue;
            }

            var key = new UniqueValue(inputs[i].Key, inputs[i].KeyValue);
            if (last.TryGetValue(key, out var before))
            {
                inputs[i] = inputs[i] with { Values = Merge(inputs[before].Values, inputs[i].Values), Ties = inputs[before].Ties is { } earlier ? [.. earlier, .. inputs[i].Ties ?? []] : inputs[i].Ties };
                inputs[before] = inputs[before] with { Skipped = true };
                folded.Add(before);
            }

            last[key] = i;
        }

        folded.Sort();
        return folded;
    }

    // Both are ordered by property number, and so is the result.
    static PropertyValue[] Merge(PropertyValue[] before, PropertyValue[] after)
    {
        var merged = new PropertyValue[before.Length + after.Length];
        before.CopyTo(merged, 0);
        var count = before.Length;
        foreach (var value in after)
        {
            var same = Array.FindIndex(before, earlier => ReferenceEquals(earlier.Property, value.Property));
            Insert(merged, ref count, value.Append && same >= 0
                ? before[same] with { Value = PropertyValues.Union(before[same].Value.Span, value.Value.Span) }
                : value);
        }

        return merged[..count];
    }

    static Fault Unknown(int index, ReadOnlySpan<byte> utf8Name, Schema schema, List<Fault> before)
    {
        var name = Encoding.UTF8.GetString(utf8Name);
        // Searching for a similar name is much slower than an exact lookup, so only a few faults get one.
        return before.Count >= NearNamesMax
            ? Faults.UnknownProperty(index, name)
            : Faults.UnknownProperty(index, name, NearNames.Find(name, schema.Properties.Select(property => property.Name)));
    }

    /// <summary>The stored form of a value of a unique property; <c>null</c> if the value can't be stored. One that the type's rules refuse now may have been accepted under other settings.</summary>
    public static ReadOnlyMemory<byte>? NormaliseKey(Schema schema, Property key, ReadOnlyMemory<byte> sent)
    {
        if (key.ReadOnly)
        {
            return sent;
        }

        var fault = PropertyValues.Check(0, schema, PortalSettings.Default, key, sent, out var value);
        return fault is null || key.Rule is not null ? value.Value : null;
    }

    // The id is a value of its property, so it is looked up in its stored form.
    static ReadOnlyMemory<byte> CheckKey(int index, Schema schema, PortalSettings settings, Property key, ReadOnlyMemory<byte> id, out Fault? fault)
    {
        fault = null;
        if (key.ReadOnly)
        {
            return id; // the server's own values; nothing to check
        }

        fault = PropertyValues.Check(index, schema, settings, key, id, out var value);
        return fault is null ? value.Value : id;
    }

    // Keeps the values ordered by property number. If a property is repeated, the last value wins, as in any JSON map.
    static void Insert(PropertyValue[] values, ref int count, PropertyValue value)
    {
        var at = count;
        while (at > 0 && values[at - 1].Property.Number > value.Property.Number)
        {
            at--;
        }

        if (at > 0 && ReferenceEquals(values[at - 1].Property, value.Property))
        {
            values[at - 1] = value;
            return;
        }

        values.AsSpan(at, count - at).CopyTo(values.AsSpan(at + 1));
        values[at] = value;
        count++;
    }

    /// <summary>Finds properties by the names in inputs. The inputs of a batch usually have the same names in the same order, so most are found by comparing.</summary>
    sealed class SentNames(Schema schema)
    {
        readonly List<Property?> last = [];

        public Property? Find(int place, ReadOnlySpan<byte> name)
        {
            while (last.Count <= place)
            {
                last.Add(null);
            }

            return last[place] is { } same && name.SequenceEqual(same.Utf8Name) ? same : last[place] = schema.Find(name);
        }
    }
}
