using System.CommandLine;
using Docket.Model;
using Docket.Stores;

namespace Docket.Cli;

/// <summary><c>--portal</c>, the same for all commands.</summary>
internal static class PortalOption
{
    public static Option<long?> Make(string unset = "the first one") => Numbers.Option("--portal", $"The portal's id (default: {unset})");

    /// <summary>The portal in the option, or the first one.</summary>
    /// <exception cref="OperatorMistake">There is no such portal.</exception>
    public static async Task<long> ChooseAsync(IPortals portals, long? wanted, CancellationToken cancellation)
    {
        var all = await portals.ListAsync(cancellation);
        return all.IsEmpty ? throw new OperatorMistake("There is no portal yet. Run docket serve once, or: docket portal create NAME")
            : wanted is null ? all[0].Id
            : all.Any(portal => portal.Id == wanted) ? wanted.Value
            : throw new OperatorMistake($"There is no portal {wanted}. See: docket portal list");
    }

    /// <summary>The portal in the option, or <c>null</c> for all.</summary>
    /// <exception cref="OperatorMistake">There is no such portal.</exception>
    public static async Task<long?> FilterAsync(IPortals portals, long? wanted, CancellationToken cancellation) =>
        wanted is null ? null : await ChooseAsync(portals, wanted, cancellation);
}
