using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Access;

/// <summary>The names of scopes on the wire, with the aliases integrators ask for (reference/auth-limits-webhooks-imports.md 1.8).</summary>
internal static class ScopeNames
{
    static readonly (string Name, Scopes Grants)[] Names =
    [
        ("tickets", Scopes.All),
        ("crm.objects.tickets.read", Scopes.TicketsRead),
        ("crm.objects.tickets.write", Scopes.TicketsWrite),
        ("crm.schemas.tickets.read", Scopes.SchemaRead),
        ("crm.schemas.tickets.write", Scopes.SchemaWrite),
    ];

    public static IEnumerable<string> All => Names.Select(entry => entry.Name);

    /// <summary>What a name allows; <c>null</c> for an unknown name.</summary>
    public static Scopes? Find(string name)
    {
        foreach (var entry in Names)
        {
            if (entry.Name == name)
            {
                return entry.Grants;
            }
        }

        return null;
    }

    /// <summary>The shortest list of names that allows exactly this.</summary>
    public static ImmutableArray<string> Of(Scopes scopes) =>
        scopes == Scopes.All ? ["tickets"] : [.. Names.Skip(1).Where(entry => scopes.HasFlag(entry.Grants)).Select(entry => entry.Name)];

    /// <summary>The names a 403 gives for a missing scope: any one of them suffices.</summary>
    public static ImmutableArray<string> Required(Scopes scope) => scope switch
    {
        Scopes.SchemaRead => ["tickets", "crm.schemas.tickets.read"],
        Scopes.SchemaWrite => ["tickets", "crm.schemas.tickets.write"],
        _ => ["tickets"],
    };
}
