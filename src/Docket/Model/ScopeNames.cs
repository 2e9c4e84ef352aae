using System.Buffers;
using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>The names of scopes on the wire, with the aliases integrators ask for (reference/auth-limits-webhooks-imports.md 1.8).</summary>
internal static class ScopeNames
{
    static readonly (string Name, Scopes Grants)[] Names =
    [
        ("tickets", Scopes.Tickets),
        ("crm.objects.tickets.read", Scopes.TicketsRead),
        ("crm.objects.tickets.write", Scopes.TicketsWrite),
        ("crm.schemas.tickets.read", Scopes.SchemaRead),
        ("crm.schemas.tickets.write", Scopes.SchemaWrite),
        ("crm.objects.owners.read", Scopes.OwnersRead),
        ("oauth", Scopes.None), // every OAuth app has it; what it opens is open to every token
        ("docket.manage", Scopes.Manage),
    ];

    static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Those that Docket knows.</summary>
    public static IEnumerable<string> Known => Names.Select(entry => entry.Name);

    /// <summary>The shortest list that allows everything.</summary>
    public static ImmutableArray<string> All { get; } = Of(Scopes.All);

    /// <summary>What names allow. HubSpot has many more, which clients may ask for and which allow nothing here.</summary>
    public static Scopes Granted(IEnumerable<string> names) =>
        names.Aggregate(Scopes.None, (sum, name) => sum | Array.Find(Names, entry => entry.Name == name).Grants);

    /// <summary>Whether it could be the name of a scope.</summary>
    public static bool IsWellFormed(string name) => name.Length is > 0 and <= 100 && !name.AsSpan().ContainsAnyExcept(Characters);

    /// <summary>The shortest list of names that allows exactly this.</summary>
    public static ImmutableArray<string> Of(Scopes scopes)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        foreach (var (name, grants) in Names)
        {
            if (grants != Scopes.None && scopes.HasFlag(grants))
            {
                names.Add(name);
                scopes &= ~grants;
            }
        }

        return names.DrainToImmutable();
    }

    /// <summary>The names a 403 gives for a missing scope: any one of them suffices.</summary>
    public static ImmutableArray<string> Required(Scopes scope) => scope switch
    {
        Scopes.SchemaRead => ["tickets", "crm.schemas.tickets.read"],
        Scopes.SchemaWrite => ["tickets", "crm.schemas.tickets.write"],
        Scopes.OwnersRead => ["crm.objects.owners.read"],
        Scopes.Manage => ["docket.manage"],
        _ => ["tickets"],
    };
}
