using System.CommandLine;
using Docket.Stores;

namespace Docket.Cli;

/// <summary>The option of which portal is meant, the same for all commands.</summary>
internal static class PortalOption
{
    public static Option<long?> Make() => new("--portal") { Description = "The portal's id; the first one when left out" };

    /// <exception cref="OperatorMistake">There is no such portal.</exception>
    public static long Choose(IPortals portals, long? wanted)
    {
        var all = portals.List();
        return all.IsEmpty ? throw new OperatorMistake("There is no portal yet. Start docket serve once, or: docket portal create NAME")
            : wanted is null ? all[0].Id
            : all.Any(portal => portal.Id == wanted) ? wanted.Value
            : throw new OperatorMistake($"There is no portal {wanted}. See: docket portal list");
    }
}
