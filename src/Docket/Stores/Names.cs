using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>
/// The records that a stored answer names, row by row: what a permanent deletion has to erase is found by these numbers, without
/// reading the answer. A record is named by its id or by a unique value (<see cref="Of(ReadOnlySpan{byte})"/>).
/// </summary>
internal sealed class Names
{
    /// <summary>The highest bit of a positive number: set in the numbers of unique values, which so differ from all ids.</summary>
    const long ValueBit = 1L << 62;

    readonly List<(long Name, int Row)> entries = [];

    /// <summary>The names and the rows that contain them, in the order in which they were added.</summary>
    public IReadOnlyList<(long Name, int Row)> Entries => entries;

    /// <summary>What the answer to a write names, all in row 0.</summary>
    public static Names Of(Outcome outcome)
    {
        var names = new Names();
        foreach (var result in outcome.Results)
        {
            names.Add(0, result);
        }

        foreach (var fault in outcome.Faults)
        {
            names.Add(0, fault);
        }

        return names;
    }

    /// <summary>
    /// The number of an id or a unique value. Of a value that isn't a number, it is a hash, so that the value isn't stored once more.
    /// An e-mail address is the same in any letter case: an answer repeats it as it was sent.
    /// </summary>
    public static long Of(ReadOnlySpan<byte> text) => Record.ParseId(text) is { } id and < ValueBit ? id
        : (BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(text.Contains((byte)'@') ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).Trim().ToLowerInvariant()) : text)) & (ValueBit - 1)) | ValueBit;

    public void Add(int row, long id) => entries.Add((id, row));

    /// <summary>Adds an id or a unique value.</summary>
    public void Add(int row, ReadOnlySpan<byte> text) => entries.Add((Of(text), row));

    /// <summary>Adds the record of a result. A record that a dry run would have created has no id.</summary>
    public void Add(int row, InputResult result)
    {
        if (result.Record is { Id: >= Record.IdBase } record)
        {
            Add(row, record.Id);
        }
    }

    /// <summary>Adds the records that a fault names: the one that it is about, the one that has the value, and one whose id was sent as a value.</summary>
    public void Add(int row, Fault fault)
    {
        foreach (var id in (ReadOnlySpan<long?>)[fault.Record, fault.Existing])
        {
            if (id is { } named)
            {
                Add(row, named);
            }
        }

        AddIfId(row, fault.Value);
        foreach (var value in fault.Context.SelectMany(entry => entry.Values))
        {
            AddIfId(row, value); // what an association was to lead to
        }

        if (fault is { Kind: FaultKind.NotFound, Property: { } missing })
        {
            Add(row, Encoding.UTF8.GetBytes(missing));
        }
    }

    /// <summary>Adds the records that an error names in its context.</summary>
    public void Add(int row, Error error)
    {
        foreach (var (key, values) in error.Context.Concat(error.Errors.SelectMany(detail => detail.Context)))
        {
            foreach (var value in values)
            {
                if (key == "ids")
                {
                    Add(row, Encoding.UTF8.GetBytes(value)); // also unique values
                }
                else
                {
                    AddIfId(row, value);
                }
            }
        }
    }

    // Other numbers, such as an index, are no records.
    void AddIfId(int row, string? text)
    {
        if (text is not null && Record.ParseId(Encoding.UTF8.GetBytes(text)) is >= Record.IdBase and < ValueBit and var id)
        {
            Add(row, id);
        }
    }
}
