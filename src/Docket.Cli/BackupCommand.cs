using System.CommandLine;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket backup DIR</c>: with or without a running server.</summary>
internal static class BackupCommand
{
    public static Command Make()
    {
        var data = DataOption.Make();
        var target = new Argument<string>("directory") { Description = "The target directory; must be empty or not exist" };
        var command = new Command("backup", "Copy all portals and the registry, each as of one moment, and verify the copies. Works while a server runs.") { target, data };
        command.SetAction(parsed =>
        {
            var to = Path.GetFullPath(parsed.GetRequiredValue(target));
            Print(ProgressBar.During(show => DocketServer.BackUp(parsed.GetRequiredValue(data), to, show)));
            Console.WriteLine($"The backup in {to} is complete and verified.");
        });
        return command;
    }

    /// <summary>Describes the content of a backup.</summary>
    public static void Print(BackupContent content)
    {
        foreach (var file in content.Files)
        {
            Console.WriteLine(file.Rows.TryGetValue("change", out var changes) ? $"{file.Name}: {changes} changes, {file.Bytes} bytes" : $"{file.Name}: {file.Bytes} bytes");
        }
    }
}
