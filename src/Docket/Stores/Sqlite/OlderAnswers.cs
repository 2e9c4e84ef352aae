using System.Globalization;
using System.Text;
using System.Text.Json;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Functions for the upgrade of files whose answers were stored without what they name: it is read from their JSON, once.</summary>
internal static class OlderAnswers
{
    public static void Define(Connection connection)
    {
        connection.Define("names_in_answer", 1, arguments => NamesIn(arguments[0]));
        connection.Define("names_in_outcome", 2, arguments => NamesIn(PackedRows.Unpack(arguments[0]), arguments[1]));
        connection.Define("failures_in_outcome", 1, arguments => FailuresIn(PackedRows.Unpack(arguments[0])));
    }

    static byte[]? NamesIn(byte[] answer)
    {
        var names = new Names();
        AddQuoted(names, 0, answer);
        return NameColumn.Pack(names.Entries);
    }

    // The refusal names the owner of a value only in its message.
    static byte[]? NamesIn(byte[] lines, byte[] refusal)
    {
        var (names, row) = (new Names(), 0);
        foreach (var range in Lines(lines))
        {
            AddQuoted(names, row, lines.AsSpan(range));
            AddKey(names, row, lines.AsMemory(range));
            row++;
        }

        AddNumbers(names, row, refusal, quoted: false);
        return NameColumn.Pack(names.Entries);
    }

    // {"index":12,"error":…
    static byte[] FailuresIn(byte[] lines)
    {
        var (failures, row) = (new List<byte>(), 0);
        foreach (var range in Lines(lines))
        {
            var line = lines.AsSpan(range);
            if (line.IndexOf(",\"error\":"u8) is var at and > 0 && at == line.IndexOf((byte)','))
            {
                failures.Add((byte)row);
            }

            row++;
        }

        return [.. failures];
    }

    static MemoryExtensions.SpanSplitEnumerator<byte> Lines(byte[] lines) => new ReadOnlySpan<byte>(lines).TrimEnd((byte)'\n').Split((byte)'\n');

    static void AddQuoted(Names names, int row, ReadOnlySpan<byte> json) => AddNumbers(names, row, json, quoted: true);

    static void AddNumbers(Names names, int row, ReadOnlySpan<byte> json, bool quoted)
    {
        for (int end = 0, next; (next = json[end..].IndexOfAnyInRange((byte)'0', (byte)'9')) >= 0;)
        {
            var start = end + next;
            end = json[start..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') is var length and >= 0 ? start + length : json.Length;
            if (long.TryParse(json[start..end], NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id >= Model.Record.IdBase
                && (!quoted || (start > 0 && json[start - 1] == '"' && end < json.Length && json[end] == '"')))
            {
                names.Add(row, id);
            }
        }
    }

    // The id that was sent with a refused input: "context":{…,"id":["…"]…}.
    static void AddKey(Names names, int row, ReadOnlyMemory<byte> line)
    {
        using var json = JsonDocument.Parse(line);
        if (json.RootElement.TryGetProperty("error", out var error) && error.TryGetProperty("context", out var context) && context.TryGetProperty("id", out var ids))
        {
            foreach (var id in ids.EnumerateArray())
            {
                names.Add(row, Encoding.UTF8.GetBytes(id.GetString()!));
            }
        }
    }
}
