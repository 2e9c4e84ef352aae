using System.CommandLine;
using System.Text.Json;
using Docket.Http;

namespace Docket.Cli;

/// <summary>Prints a list or an object: aligned for people, or as JSON in the API's format.</summary>
internal static class Listing
{
    /// <summary><c>--json</c>, for every command that lists or shows something.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print JSON" };

    /// <summary>Prints a list.</summary>
    public static void Print<T>(bool asJson, IReadOnlyCollection<T> things, Action<Utf8JsonWriter, T> write, string[] header, Func<T, string[]> row)
    {
        if (asJson)
        {
            Print<(IEnumerable<T>, NextPage?, Action<Utf8JsonWriter, T>)>((things, null, write), Wire.WritePage);
        }
        else
        {
            Print([header, .. things.Select(row)]);
        }
    }

    /// <summary>Prints an object: for people as a name and a value on each line.</summary>
    public static void Print<T>(bool asJson, T thing, Action<Utf8JsonWriter, T> write, Func<T, string[][]> rows)
    {
        if (asJson)
        {
            Print(thing, write);
        }
        else
        {
            Print(rows(thing));
        }
    }

    static void Print<T>(T thing, Action<Utf8JsonWriter, T> write)
    {
        using var output = Console.OpenStandardOutput();
        output.Write([.. Wire.ToBytes(thing, write), (byte)'\n']);
    }

    static void Print(string[][] rows)
    {
        foreach (var row in rows)
        {
            Console.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(rows.Max(other => other[column].Length)))).TrimEnd());
        }
    }
}
