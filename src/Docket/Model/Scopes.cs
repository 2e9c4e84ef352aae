using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What may be done with the records of a type, or with its properties and pipelines.</summary>
internal enum Right
{
    Read,
    Write,
    ReadSchema,
    WriteSchema,
}

/// <summary>What a token needs for something.</summary>
/// <param name="AnyOf">Names of scopes on the wire; any one suffices. With none, any token does.</param>
/// <param name="Named">Those of them that a refusal names (reference/auth-limits-webhooks-imports.md 1.8).</param>
internal sealed record ScopeNeed(ImmutableArray<string> AnyOf, ImmutableArray<string> Named)
{
    public static readonly ScopeNeed None = Of(), Owners = Of("crm.objects.owners.read");

    /// <summary>The portal itself: its apps, users and settings.</summary>
    public static readonly ScopeNeed Manage = Of("docket.manage");

    /// <summary>One whose refusal names all that suffice.</summary>
    public static ScopeNeed Of(params ImmutableArray<string> anyOf) => new(anyOf, anyOf);
}

/// <summary>What each right on a type takes.</summary>
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

/// <summary>What a token may do. HubSpot has many more scopes than Docket knows, which clients may ask for and which allow nothing here.</summary>
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
