using System.Collections.Immutable;
using System.Globalization;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Associations;

/// <summary>The two object types in the path of a request, and the association types from one to the other.</summary>
internal sealed record Between(Call Call, ObjectType From, ObjectType To, ImmutableArray<AssociationType> Types)
{
    /// <summary>The plain type of the two.</summary>
    /// <exception cref="Refusal">400: there is none.</exception>
    public AssociationType Plain => Types.FirstOrDefault(type => type.Label is null) ?? throw new Refusal(Faults.NoTieBetween(From, To));

    /// <summary>The types of a request.</summary>
    /// <param name="http">The request; its path has <c>{objectType}</c> and <c>{toObjectType}</c>.</param>
    /// <param name="right">What it needs for both (reference/objects-other-than-tickets.md 1.2); the framework has checked it for the first.</param>
    /// <exception cref="Refusal">400: the second type doesn't exist; 403.</exception>
    public static Between Of(HttpContext http, Right right)
    {
        var call = http.Call();
        var name = (string)http.GetRouteValue("toObjectType")!;
        return Of(call, (call.Portal.Find(name) ?? throw new Refusal(Faults.UnknownObjectType(name))).Type, right);
    }

    /// <summary>From the object type of a call to another one, for which it needs a right too.</summary>
    /// <exception cref="Refusal">403.</exception>
    public static Between Of(Call call, ObjectType to, Right right) => call.Caller.Scopes.Allow(to.Scopes[right]) ? Of(call, to) : throw new Refusal(Faults.MissingScopes(to.Scopes[right]));

    /// <summary>From the object type of a call to another one.</summary>
    public static Between Of(Call call, ObjectType to) => new(call, call.Type, to, call.Portal.Associations.Between(call.Type.Number, to.Number));

    /// <summary>The type of a v3 request, by its name in any case or by its number (reference/objects-other-than-tickets.md 8.1).</summary>
    public AssociationType? Find(string nameOrNumber) => int.TryParse(nameOrNumber, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        ? Types.FirstOrDefault(type => type.Id == id)
        : Types.FirstOrDefault(type => type.Name.Equals(nameOrNumber, StringComparison.OrdinalIgnoreCase));

    /// <summary>The types of a v4 request.</summary>
    /// <returns>The types, and how those are spelled that are none from the one object type to the other.</returns>
    public (ImmutableArray<AssociationType> Known, ImmutableArray<string> Unknown) Find(ImmutableArray<(string Category, int Id)> sent)
    {
        var known = sent.Select(each => (each, Type: Types.FirstOrDefault(type => type.Category == each.Category && type.Id == each.Id))).ToList();
        return ([.. known.Where(each => each.Type is not null).Select(each => each.Type!)], [.. known.Where(each => each.Type is null).Select(each => AssociationType.Spell(each.each.Category, each.each.Id))]);
    }

    /// <summary>A batch for the store.</summary>
    public TieBatch Batch(TieKind kind, ImmutableArray<TieInput> inputs) => new()
    {
        Kind = kind,
        Caller = Call.Caller,
        From = From,
        To = To,
        Types = Types,
        Inputs = inputs,
    };

    /// <summary>The number of a record that exists, or did at a time. That of a merged record does, but has no associations.</summary>
    /// <exception cref="Refusal">404.</exception>
    public async Task<long> RequireAsync(string id, long? asOf, CancellationToken cancellation)
    {
        var number = ParseId(id) ?? throw new Refusal(Faults.ResourceNotFound());
        var record = asOf is { } time ? await Call.Store.FindAsOfAsync(From, number, time, cancellation) : await Call.Store.FindAsync(From, number, archived: false, cancellation);
        return record is { ArchivedAt: null } ? number : throw new Refusal(Faults.ResourceNotFound());
    }

    /// <summary>The number of a record id; <c>null</c> for any other text.</summary>
    public static long? ParseId(string id) => long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
