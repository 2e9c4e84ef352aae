using System.CommandLine;
using Docket.Model;
using Docket.Stores.Moving;

namespace Docket.Cli;

/// <summary><c>docket move</c>: between data directories and PostgreSQL databases.</summary>
internal static class MoveCommand
{
    public static Command Make()
    {
        var from = new Option<string?>("--from") { Description = "Where the portals are: a data directory, or a connection string such as \"Host=db1;Database=docket;Username=docket\" (also DOCKET_STORE)" };
        var to = new Option<string?>("--to") { Description = "Where to copy them: a data directory, created if it doesn't exist, or a connection string (also DOCKET_STORE)" };
        var passwordFile = new Option<string?>("--store-password-file") { Description = "A file with the password of the database (also PGPASSWORD, or PGPASSFILE, which can have those of two databases)" };
        var portal = PortalOption.Make("all");
        var restart = new Option<bool>("--restart") { Description = "Delete what an earlier attempt has copied, and begin again" };
        var command = new Command(
            "move", "Copy portals with everything in them between a data directory and PostgreSQL, and compare both sides. Continues an earlier attempt. The portals also stay where they were.")
        {
            from, to, passwordFile, portal, restart,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (source, target) = (parsed.GetValue(from) ?? DataOption.StoreVariable, parsed.GetValue(to) ?? DataOption.StoreVariable);
            if (source is null || target is null || source == target)
            {
                throw new OperatorMistake("Two places are needed: --from DIRECTORY --to \"Host=…\", or the other way round. DOCKET_STORE replaces the one that is left out.");
            }

            DataOption.WarnOfPassword(parsed.GetValue(from));
            DataOption.WarnOfPassword(parsed.GetValue(to));
            var show = new MoveReport(Console.Error, !Console.IsErrorRedirected, TimeProvider.System);
            await DocketServer.MoveAsync(Place(source), Place(target), parsed.GetValue(portal), parsed.GetValue(restart), show.Show, moved => Print(moved, show), cancellation);

            DataPlace Place(string place) => IsStore(place) ? new("", place, parsed.GetValue(passwordFile)) : new(place);
        });
        return command;
    }

    static void Print(MovedPortal moved, MoveReport show)
    {
        show.End();
        if (moved.Tables.IsEmpty)
        {
            Console.WriteLine($"Portal {moved.Id} ({moved.Name}) has already been moved, up to change {moved.Sequence}.");
            return;
        }

        Console.WriteLine($"Portal {moved.Id} ({moved.Name}) is moved, up to change {moved.Sequence}. Both sides have the same:");
        foreach (var table in moved.Tables)
        {
            Console.WriteLine($"  {table.Table,-16}{table.Rows,12} rows  sha256 {table.Checksum}");
        }

        if (moved.GrantsLeft > 0)
        {
            Console.WriteLine($"  {moved.GrantsLeft} grants of OAuth apps were left out: the app or the user is in a portal that is not there. They are added when that portal is moved.");
        }
    }

    static bool IsStore(string place) => place.Contains('=', StringComparison.Ordinal) && !Directory.Exists(place);
}
