namespace Docket.Cli;

/// <summary>Prints rows in aligned columns.</summary>
internal static class Table
{
    public static void Print(string[] header, IEnumerable<string[]> rows)
    {
        string[][] all = [header, .. rows];
        foreach (var row in all)
        {
            Console.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(all.Max(other => other[column].Length)))).TrimEnd());
        }
    }
}
