using System.CommandLine;

namespace Docket.Cli;

/// <summary><c>docket restore DIR</c>: into an empty data directory.</summary>
internal static class RestoreCommand
{
    public static Command Make()
    {
        var data = DataOption.Make().Directory;
        var source = new Argument<string>("directory") { Description = "A backup created by docket backup" };
        var command = new Command("restore", "Restore a backup into an empty data directory and verify it.") { source, data };
        command.SetAction(parsed =>
        {
            var to = parsed.GetRequiredValue(data);
            var content = ProgressBar.During(show => DocketServer.Restore(Path.GetFullPath(parsed.GetRequiredValue(source)), to, show));
            BackupCommand.Print(content);
            Console.WriteLine($"The backup of {content.CreatedAt} is in {Path.GetFullPath(to)}. To serve it: docket serve --data {to}");
        });
        return command;
    }
}
