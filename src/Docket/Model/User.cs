namespace Docket.Model;

/// <summary>A person of a portal, who owns tickets and lets apps in.</summary>
/// <param name="Id">Its number, which is also its owner's id on the wire.</param>
/// <param name="PortalId">The portal.</param>
/// <param name="Email">Unique in the portal without regard to letter case.</param>
/// <param name="FirstName">May be empty.</param>
/// <param name="LastName">May be empty.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
/// <param name="UpdatedAt">Milliseconds since 1970.</param>
/// <param name="Archived">Whether the person has left: it no longer signs in and is no longer an owner for new tickets.</param>
internal sealed record User(long Id, long PortalId, string Email, string FirstName, string LastName, long CreatedAt, long UpdatedAt, bool Archived);

/// <summary>A change to a user; what is <c>null</c> stays.</summary>
internal sealed record UserChange(string? Email = null, string? FirstName = null, string? LastName = null, bool? Archived = null);
