using System.Buffers.Text;

namespace Docket.Stores;

/// <summary>How engines store the inputs and results of a job: one on each line, in the order of the inputs.</summary>
internal static class StoredLines
{
    /// <summary>Adds the waiting inputs of a chunk.</summary>
    /// <param name="inputs">Receives them.</param>
    /// <param name="lines">The chunk.</param>
    /// <param name="first">Index of its first input.</param>
    /// <param name="done">Index of the job's first waiting input.</param>
    /// <param name="numbered">Whether each line begins with its line number in the upload and a space.</param>
    public static void AddInputs(List<StoredInput> inputs, ReadOnlySpan<byte> lines, long first, long done, bool numbered)
    {
        for (var index = first; lines.IndexOf((byte)'\n') is var end and >= 0; index++)
        {
            if (index >= done)
            {
                var line = lines[..end];
                var place = numbered && Utf8Parser.TryParse(line, out long number, out var digits) ? (Line: number, From: digits + 1) : default;
                inputs.Add(new(place.From == 0 ? null : place.Line, line[place.From..].ToArray()));
            }

            lines = lines[(end + 1)..];
        }
    }

    /// <summary>Adds results of a step from <paramref name="after"/> on, until there are <paramref name="limit"/>.</summary>
    /// <param name="rows">Receives them.</param>
    /// <param name="packed">The results, compressed.</param>
    /// <param name="first">Index of the first input of the step.</param>
    /// <param name="failures">The rows that failed.</param>
    /// <param name="after">Index of the first result to add.</param>
    /// <param name="limit">Most results in the list.</param>
    /// <param name="failedOnly">Whether to add only those that failed.</param>
    public static void AddRows(List<(long Index, byte[] Json)> rows, ReadOnlySpan<byte> packed, long first, ReadOnlySpan<byte> failures, long after, int limit, bool failedOnly)
    {
        ReadOnlySpan<byte> lines = PackedRows.Unpack(packed);
        for (var index = first; rows.Count < limit && lines.IndexOf((byte)'\n') is var end and >= 0; index++)
        {
            if (index >= after && (!failedOnly || failures.Contains((byte)(index - first))))
            {
                rows.Add((index, lines[..end].ToArray()));
            }

            lines = lines[(end + 1)..];
        }
    }

    /// <summary>The inputs of a step that were rejected.</summary>
    /// <param name="packed">The results of the step, compressed.</param>
    /// <param name="packedInputs">The rejected inputs, compressed; empty if they were erased.</param>
    /// <param name="first">Index of the first input of the step.</param>
    /// <param name="failures">The rows that failed.</param>
    public static List<RejectedInput> Rejected(ReadOnlySpan<byte> packed, ReadOnlySpan<byte> packedInputs, long first, ReadOnlySpan<byte> failures)
    {
        var rejected = new List<RejectedInput>();
        ReadOnlySpan<byte> lines = PackedRows.Unpack(packed), inputs = packedInputs.IsEmpty ? [] : PackedRows.Unpack(packedInputs);
        for (var index = first; lines.IndexOf((byte)'\n') is var end and >= 0; index++)
        {
            if (failures.Contains((byte)(index - first)))
            {
                var length = Math.Max(0, inputs.IndexOf((byte)'\n'));
                rejected.Add(new(index, lines[..end].ToArray(), inputs[..length].ToArray()));
                inputs = inputs.IsEmpty ? inputs : inputs[(length + 1)..];
            }

            lines = lines[(end + 1)..];
        }

        return rejected;
    }

    /// <summary>Empties some results of a step, compressed.</summary>
    public static byte[] Empty(ReadOnlySpan<byte> packed, HashSet<int> rows)
    {
        var lines = PackedRows.Unpack(packed);
        using var kept = new MemoryStream();
        var row = 0;
        foreach (var range in lines.AsSpan().TrimEnd((byte)'\n').Split((byte)'\n'))
        {
            kept.Write(rows.Contains(row++) ? [] : lines.AsSpan(range));
            kept.WriteByte((byte)'\n');
        }

        return PackedRows.Pack(kept.GetBuffer().AsSpan(0, (int)kept.Length));
    }

    /// <summary>Leaves out the first lines.</summary>
    public static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> lines, long count)
    {
        for (var i = 0; i < count; i++)
        {
            lines = lines[(lines.IndexOf((byte)'\n') + 1)..];
        }

        return lines;
    }
}
