using System.CommandLine;
using Docket.Access;
using Docket.Model;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket token create|list|revoke</c>. Works beside a running server, which takes notice with its next request.</summary>
internal static class TokenCommand
{
    public static Command Make() => new("token", "Create, list and revoke access tokens.") { Create(), List(), Revoke() };

    static Command Create()
    {
        var data = DataOption.Make();
        var portal = PortalOption();
        var name = new Option<string>("--name") { Description = "What you call it", DefaultValueFactory = _ => "token" };
        var scopes = new Option<string[]>("--scope")
        {
            Description = $"What it may do; repeat for several: {string.Join(", ", ScopeNames.All)}",
            DefaultValueFactory = _ => ["tickets"],
            AllowMultipleArgumentsPerToken = true,
        };
        scopes.AcceptOnlyFromAmong([.. ScopeNames.All]);
        var command = new Command("create", "Create a token and show it once.") { data, portal, name, scopes };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            var granted = parsed.GetRequiredValue(scopes).Aggregate(Scopes.None, (sum, scope) => sum | ScopeNames.Find(scope)!.Value);
            var (info, text) = portals.CreateToken(Choose(portals, parsed.GetValue(portal)), parsed.GetRequiredValue(name), granted);
            Console.WriteLine($"Token {info.Id} for portal {info.PortalId}, scopes {string.Join(", ", ScopeNames.Of(info.Scopes))}");
            Console.WriteLine($"Shown this once: {text}");
        });
        return command;
    }

    static Command List()
    {
        var data = DataOption.Make();
        var portal = PortalOption();
        var command = new Command("list", "List the tokens, without their secrets.") { data, portal };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            Table.Print(["id", "portal", "name", "ends in", "scopes", "created", "revoked"], portals.ListTokens(parsed.GetValue(portal)).Select(token => (string[])
            [
                token.Id.ToString(), token.PortalId.ToString(), token.Name, token.Hint, string.Join(' ', ScopeNames.Of(token.Scopes)),
                Instant.ToText(token.CreatedAt), token.RevokedAt is { } revoked ? Instant.ToText(revoked) : "",
            ]));
        });
        return command;
    }

    static Command Revoke()
    {
        var data = DataOption.Make();
        var id = new Argument<long>("id") { Description = "The token's id, from docket token list" };
        var command = new Command("revoke", "Revoke a token, at once.") { id, data };
        command.SetAction(async (parsed, _) =>
        {
            await using var portals = DocketServer.OpenPortals(parsed.GetRequiredValue(data));
            var token = parsed.GetValue(id);
            Console.WriteLine(portals.RevokeToken(token)
                ? $"Token {token} is revoked."
                : throw new OperatorMistake($"There is no token {token} to revoke. See: docket token list"));
        });
        return command;
    }

    static Option<long?> PortalOption() => new("--portal") { Description = "The portal's id; the first one when left out" };

    static long Choose(IPortals portals, long? wanted)
    {
        var all = portals.List();
        return all.IsEmpty ? throw new OperatorMistake("There is no portal yet. Start docket serve once, or: docket portal create NAME")
            : wanted is null ? all[0].Id
            : all.Any(portal => portal.Id == wanted) ? wanted.Value
            : throw new OperatorMistake($"There is no portal {wanted}. See: docket portal list");
    }
}
