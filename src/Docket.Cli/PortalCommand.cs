using System.CommandLine;
using Docket.Model;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket portal create|list|show|set</c>. Works beside a running server, which takes notice with its next request.</summary>
internal static class PortalCommand
{
    public static Command Make() => new("portal", "Create and list portals, show and change their settings.") { Create(), List(), Show(), Set() };

    static Command Create()
    {
        var data = DataOption.Make();
        var name = new Argument<string>("name") { Description = "What you call it" };
        var command = new Command("create", "Create a portal and an app with all scopes for it.") { name, data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            var portal = portals.Create(parsed.GetRequiredValue(name));
            var (_, text) = portals.Apps.CreatePrivate(portal.Id, "first app", ScopeNames.All);
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

    static Command Show()
    {
        var (data, portal) = (DataOption.Make(), PortalArgument());
        var command = new Command("show", "Show the settings of a portal.") { portal, data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            Print(Find(portals, parsed.GetValue(portal)).Settings);
        });
        return command;
    }

    static Command Set()
    {
        var (data, portal) = (DataOption.Make(), PortalArgument());
        var name = new Argument<string>("name") { Description = string.Join(", ", PortalSettings.All.Select(setting => setting.Name)) };
        var value = new Argument<string>("value") { Description = string.Join("; ", PortalSettings.All.Select(setting => $"{setting.Name}: {setting.Values}")) };
        var command = new Command("set", "Change a setting of a portal.") { portal, name, value, data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            var (wantedName, wantedValue) = (parsed.GetRequiredValue(name), parsed.GetRequiredValue(value));
            var found = Find(portals, parsed.GetValue(portal));
            if (found.Settings.With(wantedName, wantedValue).Mistake is { } mistake)
            {
                throw new OperatorMistake(mistake);
            }

            Print(portals.Change(found.Id, new Dictionary<string, string> { [wantedName] = wantedValue })!.Settings);
        });
        return command;
    }

    static Argument<long> PortalArgument() => new("portal") { Description = "The portal's id, from docket portal list" };

    static Portal Find(IPortals portals, long id) =>
        portals.List().FirstOrDefault(portal => portal.Id == id) ?? throw new OperatorMistake($"There is no portal {id}. See: docket portal list");

    static void Print(PortalSettings settings) =>
        Table.Print(["setting", "value", "takes"], PortalSettings.All.Select(setting => (string[])[setting.Name, setting.Show(settings), setting.Values]));
}
