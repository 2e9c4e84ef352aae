using System.CommandLine;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket backup DIR</c>: with or without a running server.</summary>
internal static class BackupCommand
{
    public static Command Make()
    {
        var data = DataOption.Make();
        var target = new Argument<string>("directory") { Description = "Where to; empty, or not there yet" };
        var command = new Command("backup", "Copy all portals and the registry, each as it is at one moment, and check the copies. A running server goes on.") { target, data };
        command.SetAction(parsed =>
        {
            var to = Path.GetFullPath(parsed.GetRequiredValue(target));
            Print(ProgressBar.During(show => DocketServer.BackUp(parsed.GetRequiredValue(data), to, show)));
            Console.WriteLine($"The backup in {to} is complete and checked.");
        });
        return command;
    }

    /// <summary>Describes the content of a backup.</summary>
    public static void Print(BackupContent content)
    {
        foreach (var file in content.Files)
        {
            Console.WriteLine(file.Rows.TryGetValue("record", out var records) ? $"{file.Name}: {records} records, {file.Bytes} bytes" : $"{file.Name}: {file.Bytes} bytes");
        }
    }
}
