using System.Buffers;
using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>The names of the scopes that Docket knows, with the aliases integrators ask for (reference/auth-limits-webhooks-imports.md 1.8).</summary>
internal static class ScopeNames
{
    static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Those that allow something with the records of a type, and what.</summary>
    static readonly ImmutableArray<(string Name, ObjectType Type, ImmutableArray<Right> Rights)> OfTypes =
    [
        .. from type in StandardTypes.All
           from name in Enum.GetValues<Right>().SelectMany(right => type.Scopes[right].AnyOf).Distinct()
           select (name, type, Enum.GetValues<Right>().Where(right => type.Scopes[right].AnyOf.Contains(name)).ToImmutableArray()),
    ];

    /// <summary>Those that Docket knows. <c>oauth</c> is one that every OAuth app has; what it opens is open to every token.</summary>
    public static ImmutableArray<string> Known { get; } =
        [.. OfTypes.Select(one => one.Name).Distinct(), .. ScopeNeed.Owners.AnyOf, "oauth", .. ScopeNeed.Manage.AnyOf];

    /// <summary>The shortest list that allows everything.</summary>
    public static ImmutableArray<string> All { get; } =
        [.. OfTypes.Where(one => one.Rights.Length == Enum.GetValues<Right>().Length).Select(one => one.Name).Distinct(), .. ScopeNeed.Owners.AnyOf, .. ScopeNeed.Manage.AnyOf];

    /// <summary>What a new app gets when nothing else is asked for.</summary>
    public static ImmutableArray<string> Default { get; } = ["tickets"];

    /// <summary>The types whose records or schema a scope allows something with, and what.</summary>
    public static IEnumerable<(ObjectType Type, ImmutableArray<Right> Rights)> AllowedBy(string name) =>
        OfTypes.Where(one => one.Name == name).Select(one => (one.Type, one.Rights));

    /// <summary>Whether it could be the name of a scope.</summary>
    public static bool IsWellFormed(string name) => name.Length is > 0 and <= 100 && !name.AsSpan().ContainsAnyExcept(Characters);
}
