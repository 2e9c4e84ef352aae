using System.CommandLine;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket index rebuild</c>.</summary>
internal static class IndexCommand
{
    public static Command Make() => new("index", "Maintain the search index.") { Rebuild() };

    static Command Rebuild()
    {
        var data = DataOption.Make();
        var portal = Numbers.Option("--portal", "Only for this portal");
        var command = new Command("rebuild", "Rebuild the search index from the records. A running server does this itself; searches wait until it is done.") { portal, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenOrHoldPortalsAsync(parsed.GetRequiredValue(data));
            var wanted = parsed.GetValue(portal);
            var found = (await portals.ListAsync(cancellation)).Where(one => wanted is null || one.Id == wanted).ToList();
            if (found.Count == 0)
            {
                throw new OperatorMistake(wanted is null ? "There is no portal yet." : $"There is no portal {wanted}. See: docket portal list");
            }

            foreach (var one in found)
            {
                var built = await ProgressBar.During(show => portals.RebuildIndexAsync(one.Id, done => show($"Portal {one.Id}", done), cancellation));
                Console.WriteLine($"Portal {one.Id}: {(built ? "built" : "not in use; its index will be rebuilt when it is next used")}");
            }
        });
        return command;
    }
}
