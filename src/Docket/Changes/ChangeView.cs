using Docket.Model;

namespace Docket.Changes;

/// <summary>The changes that a token may see: of records of the types that it may read, and associations of two of them, without values that need a scope of their own.</summary>
/// <param name="scopes">The scopes of the token.</param>
/// <param name="only">The only type that is asked for; <c>null</c> for all.</param>
internal sealed class ChangeView(Scopes scopes, ObjectType? only)
{
    public ObjectType? Only => only;

    public bool Shows(PortalSchema schema, Change change) =>
        (only is null || only.Number == change.Type) && MayRead(schema, change.Type) && (change.Tie is not var (other, _, _) || MayRead(schema, other));

    public bool Shows(ObjectType type, Property property) =>
        type.Guarded is not { } guarded || scopes.Allow(guarded.Need) || !guarded.Names.Contains(property.Name);

    bool MayRead(PortalSchema schema, int type) => schema.Find(type) is { } found && scopes.Allow(found.Type.Scopes.Read);
}
