using System.Collections.Immutable;
using System.CommandLine;
using Docket.Access;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket app create|list|show|rotate|delete</c>. Works while a server runs. Changes take effect with the next request.</summary>
internal static class AppCommand
{
    public static Command Make() => new("app", "Create, list, show, rotate and delete apps, the programs that call a portal.") { Create(), List(), Show(), Rotate(), Delete() };

    static Command Create()
    {
        var (data, portal) = (DataOption.Make(), PortalOption.Make());
        var name = new Argument<string>("name") { Description = "The app's name" };
        var scopes = Names("--scope", $"A scope; repeat for several: {string.Join(", ", ScopeNames.Known)}", [.. ScopeNames.Default]);
        var optional = Names("--optional-scope", "An optional scope of an OAuth app", []);
        var redirects = Names("--redirect-uri", "The URL to which users are sent back; creates an OAuth app", []);
        var command = new Command("create", "Create an app and show its token, or its client secret, once.") { name, data, portal, scopes, optional, redirects };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var uris = parsed.GetRequiredValue(redirects);
            var wanted = new AppChange(parsed.GetRequiredValue(name), Distinct(parsed.GetRequiredValue(scopes)), Distinct(parsed.GetRequiredValue(optional)), uris is [] ? null : Distinct(uris));
            if (AppRules.MistakesOfNew(wanted) is [var mistake, ..])
            {
                throw new OperatorMistake(mistake);
            }

            var portalId = await PortalOption.ChooseAsync(portals, parsed.GetValue(portal), cancellation);
            var (app, secret) = wanted.RedirectUris is { } redirectUris
                ? await portals.Apps.CreateClientAsync(portalId, wanted.Name!, wanted.Scopes!.Value, wanted.OptionalScopes!.Value, redirectUris)
                : await portals.Apps.CreatePrivateAsync(portalId, wanted.Name!, wanted.Scopes!.Value);
            Console.WriteLine($"App {app.Id} of portal {app.PortalId}, scopes {string.Join(", ", app.Scopes)}");
            if (app.Client is { } client)
            {
                Console.WriteLine($"Client id: {client.Id}");
            }

            PrintSecret(app, secret);
            Warn(app);
        });
        return command;
    }

    static Command List()
    {
        var (data, portal, json) = (DataOption.Make(), PortalOption.Make("all"), Listing.Json());
        var command = new Command("list", "List the apps, without their secrets.") { data, portal, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            Listing.Print(parsed.GetValue(json), await portals.Apps.ListAsync(await PortalOption.FilterAsync(portals, parsed.GetValue(portal), cancellation), cancellation), AppRoutes.Write,
                ["id", "portal", "name", "type", "scopes", "created"],
                app => [app.Id.ToString(), app.PortalId.ToString(), app.Name, TypeOf(app), string.Join(' ', app.Scopes), Instant.ToText(app.CreatedAt)]);
        });
        return command;
    }

    static Command Show()
    {
        var (data, id, json) = (DataOption.Make(), IdArgument(), Listing.Json());
        var command = new Command("show", "Show an app, without its secret.") { id, data, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var found = await FindAsync(portals, parsed.GetValue(id), cancellation);
            Listing.Print(parsed.GetValue(json), found, AppRoutes.Write, app => (string[][])
            [
                ["id", app.Id.ToString()], ["portal", app.PortalId.ToString()], ["name", app.Name], ["type", TypeOf(app)],
                ["scopes", string.Join(' ', app.Scopes)],
                .. app.Client is { } client ? (string[][])
                [
                    ["optional scopes", string.Join(' ', client.OptionalScopes)], ["redirect URLs", string.Join(' ', client.RedirectUris)], ["client id", client.Id],
                ] : [],
                ["created", Instant.ToText(app.CreatedAt)],
            ]);
            Warn(found);
        });
        return command;
    }

    static Command Rotate()
    {
        var (data, id) = (DataOption.Make(), IdArgument());
        var grace = Numbers.Option("--grace-days", "Days until the old token stops working, 0 to 7; an old client secret stops at once", 0, 7);
        var command = new Command("rotate", "Create a new token or client secret and show it once.") { id, grace, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var app = await FindAsync(portals, parsed.GetValue(id), cancellation);
            PrintSecret(app, (await portals.Apps.RotateAsync(app.PortalId, app.Id, TimeSpan.FromDays(parsed.GetValue(grace)).Ticks / TimeSpan.TicksPerMillisecond))!);
        });
        return command;
    }

    static Command Delete()
    {
        var (data, id) = (DataOption.Make(), IdArgument());
        var command = new Command("delete", "Delete an app and revoke its tokens, at once.") { id, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var app = await FindAsync(portals, parsed.GetValue(id), cancellation);
            await portals.Apps.DeleteAsync(app.PortalId, app.Id);
            Console.WriteLine($"App {app.Id} ({app.Name}) is deleted.");
        });
        return command;
    }

    static Option<string[]> Names(string name, string description, string[] unset) =>
        new(name) { Description = description, DefaultValueFactory = _ => unset, AllowMultipleArgumentsPerToken = true };

    static Argument<long> IdArgument() => Numbers.Argument("id", "The app's id, from docket app list");

    static ImmutableArray<string> Distinct(string[] texts) => [.. texts.Distinct(StringComparer.Ordinal)];

    static string TypeOf(App app) => app.Client is null ? "private" : "oauth";

    static void Warn(App app)
    {
        foreach (var warning in AppRules.Warnings(app))
        {
            Console.Error.WriteLine($"docket: {warning}");
        }
    }

    static async Task<App> FindAsync(IPortals portals, long id, CancellationToken cancellation) =>
        (await portals.Apps.ListAsync(null, cancellation)).FirstOrDefault(app => app.Id == id) ?? throw new OperatorMistake($"There is no app {id}. See: docket app list");

    static void PrintSecret(App app, string secret) => Console.WriteLine($"{(app.Client is null ? "Token" : "Client secret")}, shown only once: {secret}");
}
