using System.CommandLine;
using Docket;
using Docket.Cli;
using Docket.Model;

var root = new RootCommand("Docket: a ticket store that speaks HubSpot's CRM API.")
{
    ServeCommand.Make(),
    AppCommand.Make(),
    UserCommand.Make(),
    PortalCommand.Make(),
    IndexCommand.Make(),
};

try
{
    return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OperatorMistake mistake)
{
    await Console.Error.WriteLineAsync($"docket: {mistake.Message}");
    return 1;
}
catch (Refusal refusal)
{
    // A file that was opened and can't be written now, such as on a full disk.
    await Console.Error.WriteLineAsync($"docket: {refusal.Error.Message}");
    return 1;
}
