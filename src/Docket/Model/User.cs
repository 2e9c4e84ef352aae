namespace Docket.Model;

/// <summary>A person in a portal, who owns tickets and allows apps.</summary>
/// <param name="Id">The user's id, which is also the owner's id on the wire.</param>
/// <param name="PortalId">The portal.</param>
/// <param name="Email">Unique in the portal, ignoring letter case.</param>
/// <param name="FirstName">May be empty.</param>
/// <param name="LastName">May be empty.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
/// <param name="UpdatedAt">Milliseconds since 1970.</param>
/// <param name="Archived">Whether the person has left: they can't sign in or become the owner of tickets.</param>
internal sealed record User(long Id, long PortalId, string Email, string FirstName, string LastName, long CreatedAt, long UpdatedAt, bool Archived);

/// <summary>A change to a user; <c>null</c> means unchanged.</summary>
internal sealed record UserChange(string? Email = null, string? FirstName = null, string? LastName = null, bool? Archived = null);
