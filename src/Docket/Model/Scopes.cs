using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What is allowed with the records of a type, or with its properties and pipelines.</summary>
internal enum Right
{
    Read,
    Write,
    ReadSchema,
    WriteSchema,
}

/// <summary>The scopes that a right requires.</summary>
/// <param name="AnyOf">Names of scopes on the wire; any one is sufficient. If empty, any token is.</param>
/// <param name="Named">Those that a refusal names (reference/auth-limits-webhooks-imports.md 1.8).</param>
internal sealed record ScopeNeed(ImmutableArray<string> AnyOf, ImmutableArray<string> Named)
{
    public static readonly ScopeNeed None = Of(), Owners = Of("crm.objects.owners.read"), Users = Of("settings.users.read"), Teams = Of("settings.users.teams.read"), Lists = Of("crm.lists.read");

    /// <summary>The portal itself: its apps, users and settings.</summary>
    public static readonly ScopeNeed Manage = Of("docket.manage");

    /// <summary>All portals of a server that was started for tests.</summary>
    public static readonly ScopeNeed Portals = Of("docket.portals");

    /// <summary>What tests do to their own portal.</summary>
    public static readonly ScopeNeed Test = Of("docket.test");

    /// <summary>What no user can allow an app, because users have no roles.</summary>
    public static readonly ImmutableArray<string> PrivateOnly = [.. Manage.AnyOf, .. Portals.AnyOf];

    /// <summary>Whether a refusal has the older, shorter form (reference/objects-and-batch.md 3.4).</summary>
    public bool InShort { get; init; }

    /// <summary>A requirement whose refusal names all sufficient scopes.</summary>
    public static ScopeNeed Of(params ImmutableArray<string> anyOf) => new(anyOf, anyOf);
}

/// <summary>The scopes for each right on a type.</summary>
internal sealed record TypeScopes(ScopeNeed Read, ScopeNeed Write, ScopeNeed ReadSchema, ScopeNeed WriteSchema)
{
    public ScopeNeed this[Right right] => right switch
    {
        Right.Read => Read,
        Right.Write => Write,
        Right.ReadSchema => ReadSchema,
        _ => WriteSchema,
    };
}

/// <summary>The scopes of a token. HubSpot has many more scopes than Docket; clients may request them, but they allow nothing here.</summary>
internal sealed class Scopes
{
    public static readonly Scopes All = new(FrozenSet<string>.Empty, isAll: true);

    readonly FrozenSet<string> names;
    readonly bool isAll;

    public Scopes(IEnumerable<string> names)
        : this(names.ToFrozenSet(StringComparer.Ordinal), isAll: false)
    {
    }

    Scopes(FrozenSet<string> names, bool isAll)
    {
        this.names = names;
        this.isAll = isAll;
    }

    public bool Allow(ScopeNeed need)
    {
        if (isAll || need.AnyOf.IsEmpty)
        {
            return true;
        }

        foreach (var name in need.AnyOf)
        {
            if (names.Contains(name))
            {
                return true;
            }
        }

        return false;
    }
}
