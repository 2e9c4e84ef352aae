using System.CommandLine;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket index rebuild</c>.</summary>
internal static class IndexCommand
{
    public static Command Make() => new("index", "Keep the search index.") { Rebuild() };

    static Command Rebuild()
    {
        var data = DataOption.Make();
        var portal = Numbers.Option("--portal", "Of this portal only");
        var command = new Command("rebuild", "Build the search index anew from the records. A running server does it itself; its searches wait meanwhile.") { portal, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = DocketServer.OpenOrHoldPortals(parsed.GetRequiredValue(data));
            var wanted = parsed.GetValue(portal);
            var found = portals.List().Where(one => wanted is null || one.Id == wanted).ToList();
            if (found.Count == 0)
            {
                throw new OperatorMistake(wanted is null ? "There is no portal yet." : $"There is no portal {wanted}. \"docket portal list\" shows those there are.");
            }

            foreach (var one in found)
            {
                var built = await ProgressBar.During(show => portals.RebuildIndexAsync(one.Id, done => show($"Portal {one.Id}", done), cancellation));
                Console.WriteLine($"Portal {one.Id}: {(built ? "built" : "not in use; its index is built when it is next used")}");
            }
        });
        return command;
    }
}
