using System.CommandLine;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket portal create|list</c>.</summary>
internal static class PortalCommand
{
    public static Command Make() => new("portal", "Create and list portals.") { Create(), List() };

    static Command Create()
    {
        var data = DataOption.Make();
        var name = new Argument<string>("name") { Description = "What you call it" };
        var command = new Command("create", "Create a portal and a token with all scopes for it.") { name, data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            var portal = portals.Create(parsed.GetRequiredValue(name));
            var (_, text) = portals.CreateToken(portal.Id, "first token", Scopes.All);
            Console.WriteLine($"Portal {portal.Id} ({portal.Name})");
            Console.WriteLine($"Token, shown this once: {text}");
        });
        return command;
    }

    static Command List()
    {
        var data = DataOption.Make();
        var command = new Command("list", "List the portals.") { data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            Table.Print(["id", "name", "created"], portals.List().Select(portal => (string[])[portal.Id.ToString(), portal.Name, Instant.ToText(portal.CreatedAt)]));
        });
        return command;
    }
}
