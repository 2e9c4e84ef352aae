using System.CommandLine;
using System.CommandLine.Invocation;
using Docket.Cli;

try
{
    // A server that starts doesn't need the other commands, and compiling what describes them takes time.
    Command[] commands = args is ["serve", ..]
        ? [ServeCommand.Make()]
        : [ServeCommand.Make(), AppCommand.Make(), UserCommand.Make(), PortalCommand.Make(), IndexCommand.Make(), BackupCommand.Make(), RestoreCommand.Make(), MoveCommand.Make(), CompareCommand.Make(), ProxyCommand.Make(), HealthCommand.Make()];
    var root = new RootCommand("Docket: a ticket store that speaks HubSpot's CRM API.");
    Array.ForEach(commands, root.Add);
    // A name may start with @, so response files are turned off.
    var parsed = root.Parse(args, new() { ResponseFileTokenReplacer = null });
    // If a command has subcommands, show help.
    return parsed.Action is ParseErrorAction && parsed.CommandResult.Command.Subcommands.Count == 0
        ? Failures.Report(parsed)
        : await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception failure)
{
    return Failures.Report(failure);
}
