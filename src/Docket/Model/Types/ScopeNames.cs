using System.Buffers;
using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>The names of the scopes that Docket knows, including the aliases that integrators request (reference/auth-limits-webhooks-imports.md 1.8).</summary>
internal static class ScopeNames
{
    static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>The scopes for records of a type, and what they allow.</summary>
    static readonly ImmutableArray<(string Name, string Records, ImmutableArray<Right> Rights)> OfTypes =
    [
        .. from type in (IEnumerable<(string Records, TypeScopes Scopes)>)[.. StandardTypes.All.Select(type => (type.Plural, type.Scopes)), (CustomObjects.Plural, TypeDefinition.Scopes)]
           from name in Enum.GetValues<Right>().SelectMany(right => type.Scopes[right].AnyOf).Distinct()
           select (name, type.Records, Enum.GetValues<Right>().Where(right => type.Scopes[right].AnyOf.Contains(name)).ToImmutableArray()),
    ];

    /// <summary>The scopes of Docket's own paths.</summary>
    static readonly ImmutableArray<string> Own = [.. ScopeNeed.Manage.AnyOf, .. ScopeNeed.Portals.AnyOf, .. ScopeNeed.Test.AnyOf];

    /// <summary>The scopes that Docket knows. Every OAuth app has <c>oauth</c>; what it allows is open to every token.</summary>
    public static ImmutableArray<string> Known { get; } =
        [.. OfTypes.Select(one => one.Name).Distinct(), .. ScopeNeed.Owners.AnyOf, .. ScopeNeed.Users.AnyOf, .. ScopeNeed.Teams.AnyOf, .. ScopeNeed.Lists.AnyOf, "oauth", .. Own];

    /// <summary>A short list that allows everything.</summary>
    public static ImmutableArray<string> All { get; } =
        [.. StandardTypes.All.Select(type => type.Scopes).Append(TypeDefinition.Scopes).SelectMany(scopes => Enum.GetValues<Right>().Select(right => scopes[right].AnyOf[0])).Distinct(), .. ScopeNeed.Owners.AnyOf, .. ScopeNeed.Users.AnyOf, .. ScopeNeed.Teams.AnyOf, .. ScopeNeed.Lists.AnyOf, .. Own];

    /// <summary>The default scopes of a new app.</summary>
    public static ImmutableArray<string> Default { get; } = ["tickets"];

    /// <summary>The records to which, or to whose schema, a scope allows access, and what it allows.</summary>
    public static IEnumerable<(string Records, ImmutableArray<Right> Rights)> AllowedBy(string name) =>
        OfTypes.Where(one => one.Name == name).Select(one => (one.Records, one.Rights));

    /// <summary>Whether it is a valid name for a scope.</summary>
    public static bool IsWellFormed(string name) => name.Length is > 0 and <= 100 && !name.AsSpan().ContainsAnyExcept(Characters);
}
