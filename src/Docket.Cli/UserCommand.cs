using System.CommandLine;
using Docket.Access;
using Docket.Model;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>docket user add|list|password|archive</c>. Works while a server runs.</summary>
internal static class UserCommand
{
    public static Command Make() => new("user", "Add, list and archive users, who own tickets and allow apps.") { Add(), List(), Password(), Archive() };

    static Command Add()
    {
        var (data, portal) = (DataOption.Make(), PortalOption.Make());
        var email = new Argument<string>("email") { Description = "Unique in the portal" };
        var first = new Option<string>("--first-name") { Description = "Optional", DefaultValueFactory = _ => "" };
        var last = new Option<string>("--last-name") { Description = "Optional", DefaultValueFactory = _ => "" };
        var none = new Option<bool>("--no-password") { Description = "An owner who can't sign in" };
        var command = new Command("add", "Add a user. Asks for the password twice, or reads it from standard input.") { email, data, portal, first, last, none };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var (address, firstName, lastName) = (parsed.GetRequiredValue(email), parsed.GetRequiredValue(first), parsed.GetRequiredValue(last));
            var password = parsed.GetValue(none) ? null : Ask.Password();
            if (UserRules.Mistakes(new(address, firstName, lastName), password) is [var mistake, ..])
            {
                throw new OperatorMistake(mistake);
            }

            var user = await portals.Users.AddAsync(await PortalOption.ChooseAsync(portals, parsed.GetValue(portal), cancellation), address, firstName, lastName)
                ?? throw new OperatorMistake($"A user {address} already exists. See: docket user list");
            if (password is not null)
            {
                await Passwords.SetAsync(portals.Users, user, password, cancellation);
            }

            Console.WriteLine($"User {user.Id} ({user.Email}) of portal {user.PortalId}");
        });
        return command;
    }

    static Command List()
    {
        var (data, portal, json) = (DataOption.Make(), PortalOption.Make("all"), Listing.Json());
        var command = new Command("list", "List the users.") { data, portal, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            Listing.Print(parsed.GetValue(json), await portals.Users.ListAsync(await PortalOption.FilterAsync(portals, parsed.GetValue(portal), cancellation), cancellation), UserRoutes.Write,
                ["id", "portal", "email", "first name", "last name", "archived"],
                user => [user.Id.ToString(), user.PortalId.ToString(), user.Email, user.FirstName, user.LastName, user.Archived ? "yes" : "no"]);
        });
        return command;
    }

    static Command Password()
    {
        var (data, id) = (DataOption.Make(), IdArgument());
        var command = new Command("password", "Set a user's password. Asks for it twice, or reads it from standard input.") { id, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var user = await FindAsync(portals, parsed.GetValue(id), cancellation);
            var password = Ask.Password();
            if (Passwords.Mistake(password) is { } mistake)
            {
                throw new OperatorMistake(mistake);
            }

            await Passwords.SetAsync(portals.Users, user, password, cancellation);
            Console.WriteLine($"The password of {user.Email} is set.");
        });
        return command;
    }

    static Command Archive()
    {
        var (data, id) = (DataOption.Make(), IdArgument());
        var command = new Command("archive", "Archive a user, who can then no longer sign in. Tickets keep their owner.") { id, data };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var portals = await DocketServer.OpenPortalsAsync(parsed.GetRequiredValue(data));
            var user = await FindAsync(portals, parsed.GetValue(id), cancellation);
            await portals.Users.ChangeAsync(user.PortalId, user.Id, new(Archived: true));
            Console.WriteLine($"User {user.Id} ({user.Email}) is archived.");
        });
        return command;
    }

    static Argument<long> IdArgument() => Numbers.Argument("id", "The user's id, from docket user list");

    static async Task<User> FindAsync(IPortals portals, long id, CancellationToken cancellation) =>
        (await portals.Users.ListAsync(null, cancellation)).FirstOrDefault(user => user.Id == id) ?? throw new OperatorMistake($"There is no user {id}. See: docket user list");
}
