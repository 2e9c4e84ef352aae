using System.CommandLine;
using System.Text.Json;
using Docket.Admin;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket portal create|list|show|set|rename|delete|forget</c>. Works while a server runs. Changes take effect with the next request.</summary>
internal static class PortalCommand
{
    public static Command Make() => new("portal", "Create, list, rename and delete portals, show and change their settings.") { Create(), List(), Show(), Set(), Rename(), Delete(), Forget() };

    static Command Create()
    {
        var data = DataOption.Make();
        var name = NameArgument();
        var command = new Command("create", "Create a portal and an app with all scopes for it.") { name, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data), create: true);
            var portal = await portals.CreateAsync(parsed.GetRequiredValue(name));
            var (_, text) = await portals.Apps.CreatePrivateAsync(portal.Id, "first app", ScopeNames.All);
            Console.WriteLine($"Portal {portal.Id} ({portal.Name})");
            Console.WriteLine($"Token, shown only once: {text}");
        });
        return command;
    }

    static Command List()
    {
        var (data, json) = (DataOption.Make(), Listing.Json());
        var command = new Command("list", "List the portals.") { data, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            Listing.Print(parsed.GetValue(json), await portals.ListAsync(cancellation), WritePortal, ["id", "name", "created"], portal => [portal.Id.ToString(), portal.Name, Instant.ToText(portal.CreatedAt)]);
        });
        return command;
    }

    static Command Show()
    {
        var (data, portal, json) = (DataOption.Make(), PortalArgument(), Listing.Json());
        var command = new Command("show", "Show the settings of a portal.") { portal, data, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            Print(parsed.GetValue(json), (await FindAsync(portals, parsed.GetValue(portal), cancellation)).Settings);
        });
        return command;
    }

    static Command Set()
    {
        var (data, portal, json) = (DataOption.Make(), PortalArgument(), Listing.Json());
        var name = new Argument<string>("name") { Description = string.Join(", ", PortalSettings.All.Select(setting => setting.Name)) };
        var value = new Argument<string>("value") { Description = string.Join("; ", PortalSettings.All.Select(setting => $"{setting.Name}: {setting.Values}")) };
        var command = new Command("set", "Change a setting of a portal.") { portal, name, value, data, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var (wantedName, wantedValue) = (parsed.GetRequiredValue(name), parsed.GetRequiredValue(value));
            var found = await FindAsync(portals, parsed.GetValue(portal), cancellation);
            if (found.Settings.With(wantedName, wantedValue).Mistake is { } mistake)
            {
                throw new OperatorMistake(mistake);
            }

            Print(parsed.GetValue(json), (await portals.ChangeAsync(found.Id, new Dictionary<string, string> { [wantedName] = wantedValue }))!.Settings);
        });
        return command;
    }

    static Command Rename()
    {
        var (data, portal, name) = (DataOption.Make(), PortalArgument(), NameArgument());
        var command = new Command("rename", "Rename a portal.") { portal, name, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var found = await FindAsync(portals, parsed.GetValue(portal), cancellation);
            var renamed = await portals.RenameAsync(found.Id, parsed.GetRequiredValue(name));
            Console.WriteLine($"Portal {renamed!.Id} ({found.Name}) is now called {renamed.Name}.");
        });
        return command;
    }

    static Command Delete()
    {
        var (data, portal) = (DataOption.Make(), PortalArgument());
        var yes = new Option<bool>("--yes") { Description = "Don't ask for confirmation" };
        var command = new Command("delete", "Permanently delete a portal: its tickets, apps, tokens, users and files.") { portal, yes, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var found = await FindAsync(portals, parsed.GetValue(portal), cancellation);
            if (!parsed.GetValue(yes))
            {
                Ask.ToConfirm($"All tickets, apps, tokens and users of portal {found.Id} ({found.Name}) will be permanently deleted.", found.Id.ToString());
            }

            await portals.DeleteAsync(found.Id);
            Console.WriteLine($"Portal {found.Id} ({found.Name}) is deleted.");
        });
        return command;
    }

    static Command Forget()
    {
        var (data, portal) = (DataOption.Make(), PortalArgument());
        var command = new Command("forget", "Remove a portal whose file is lost, with its apps, tokens and users. Its id is never reused.") { portal, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var found = await FindAsync(portals, parsed.GetValue(portal), cancellation);
            await portals.ForgetAsync(found.Id);
            Console.WriteLine($"Portal {found.Id} ({found.Name}) is forgotten.");
        });
        return command;
    }

    static Argument<string> NameArgument()
    {
        var name = new Argument<string>("name") { Description = "The portal's name" };
        name.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>()) || result.GetValueOrDefault<string>()!.Length > Portal.NameMax)
            {
                result.AddError($"The name of a portal must have 1 to {Portal.NameMax} characters.");
            }
        });
        return name;
    }

    static Argument<long> PortalArgument() => Numbers.Argument("portal", "The portal's id, from docket portal list");

    static async Task<Portal> FindAsync(IPortals portals, long id, CancellationToken cancellation) =>
        (await portals.ListAsync(cancellation)).FirstOrDefault(portal => portal.Id == id) ?? throw new OperatorMistake($"There is no portal {id}. See: docket portal list");

    static void Print(bool asJson, PortalSettings settings) =>
        Listing.Print(asJson, settings, SettingsRoutes.Write, settings => [["setting", "value", "takes"], .. PortalSettings.All.Select(setting => (string[])[setting.Name, setting.Show(settings), setting.Values])]);

    static void WritePortal(Utf8JsonWriter json, Portal portal)
    {
        json.WriteStartObject();
        json.WriteNumber("id", portal.Id);
        json.WriteString("name", portal.Name);
        json.WriteString("createdAt", Instant.ToText(portal.CreatedAt));
        json.WriteEndObject();
    }
}
