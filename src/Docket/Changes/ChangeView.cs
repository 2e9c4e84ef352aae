using Docket.Model;

namespace Docket.Changes;

/// <summary>The changes that a token may see: of records of the types that it may read, without values that need a scope of their own.</summary>
/// <param name="scopes">The scopes of the token.</param>
/// <param name="only">The only type that is asked for; <c>null</c> for all.</param>
internal sealed class ChangeView(Scopes scopes, ObjectType? only)
{
    public ObjectType? Only => only;

    public bool Shows(PortalSchema schema, Change change) =>
        (only is null || only.Number == change.Type) && scopes.Allow(schema.Find(change.Type)!.Type.Scopes.Read);

    /// <summary>Whether a change is shown in the timeline of one of its records: the other one of an association must be readable, too.</summary>
    public bool ShowsInTimeline(PortalSchema schema, Change change) =>
        change.Tie is not var (other, _, _) || (schema.Find(other) is { } found && scopes.Allow(found.Type.Scopes.Read));

    public bool Shows(ObjectType type, Property property) =>
        type.Guarded is not { } guarded || scopes.Allow(guarded.Need) || !guarded.Names.Contains(property.Name);
}
