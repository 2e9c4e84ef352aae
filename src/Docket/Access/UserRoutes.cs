using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Access;

/// <summary>The users of the caller's portal.</summary>
internal static class UserRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IUsers users)
    {
        routes.MapGet(path, http => ListAsync(http, users)).Needs(ScopeNeed.Manage)
            .Describe("listUsers", "Lists the users of the portal", () => default(ListAnswer<UserAnswer>)!);
        routes.MapPost(path, http => AddAsync(http, users)).Needs(ScopeNeed.Manage)
            .Describe("addUser", "Adds a user", (UserBody user) => default(UserAnswer)!, StatusCodes.Status201Created);
        routes.MapGet(path + "/{userId}", async http => await RespondAsync(http, StatusCodes.Status200OK, await FindAsync(http, users))).Needs(ScopeNeed.Manage)
            .Describe("readUser", "Reads a user", (long userId) => default(UserAnswer)!);
        routes.MapPatch(path + "/{userId}", http => ChangeAsync(http, users)).Needs(ScopeNeed.Manage)
            .Describe("changeUser", "Changes the given properties of a user", (long userId, UserBody user) => default(UserAnswer)!);
    }

    static async Task ListAsync(HttpContext http, IUsers users) =>
        await Wire.RespondListAsync(http.Response, await users.ListAsync(http.Call().Caller.PortalId, http.RequestAborted), Write);

    static async Task AddAsync(HttpContext http, IUsers users)
    {
        var body = await RequestBody.ReadJsonAsync(http, UserBody.Shape.Read);
        Faults.RefuseIf(UserRules.Mistakes(body.ToChange() with { Email = body.Email ?? "" }, body.Password));
        var portalId = http.Call().Caller.PortalId;
        var user = await users.AddAsync(portalId, body.Email!, body.FirstName ?? "", body.LastName ?? "") ?? throw new Refusal(Faults.UserExists(body.Email!));
        if (body.Password is { } password)
        {
            await Passwords.SetAsync(users, user, password, http.RequestAborted);
        }

        await RespondAsync(http, StatusCodes.Status201Created, user);
    }

    static async Task ChangeAsync(HttpContext http, IUsers users)
    {
        var body = await RequestBody.ReadJsonAsync(http, UserBody.Shape.Read);
        Faults.RefuseIf(UserRules.Mistakes(body.ToChange(), body.Password));
        var user = await FindAsync(http, users);
        var changed = await users.ChangeAsync(user.PortalId, user.Id, body.ToChange()) ?? throw new Refusal(Faults.UserExists(body.Email!));
        if (body.Password is { } password)
        {
            await Passwords.SetAsync(users, changed, password, http.RequestAborted);
        }

        await RespondAsync(http, StatusCodes.Status200OK, changed);
    }

    static async Task<User> FindAsync(HttpContext http, IUsers users) =>
        long.TryParse(http.GetRouteValue("userId") as string, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && await users.FindAsync(http.Call().Caller.PortalId, id, http.RequestAborted) is { } found
            ? found : throw new Refusal(Faults.ResourceNotFound());

    static Task RespondAsync(HttpContext http, int status, User user) => Wire.RespondAsync(http.Response, status, user, Write);

    /// <summary>Writes a user, also for the command line.</summary>
    public static void Write(Utf8JsonWriter json, User user)
    {
        json.WriteStartObject();
        json.WriteNumber("id", user.Id);
        json.WriteNumber("portalId", user.PortalId);
        json.WriteString("email", user.Email);
        json.WriteString("firstName", user.FirstName);
        json.WriteString("lastName", user.LastName);
        json.WriteString("createdAt", Instant.ToText(user.CreatedAt));
        json.WriteString("updatedAt", Instant.ToText(user.UpdatedAt));
        json.WriteBoolean("archived", user.Archived);
        json.WriteEndObject();
    }
}

/// <summary>A user, as <see cref="UserRoutes.Write"/> writes it.</summary>
internal sealed record UserAnswer(long Id, long PortalId, string Email, string FirstName, string LastName, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, bool Archived);

/// <summary>A user in a request.</summary>
internal sealed record UserBody
{
    public static readonly JsonShape<UserBody> Shape = new(
        null,
        [],
        ("email", (user, ref json) => user.Email = json.Text()),
        ("firstName", (user, ref json) => user.FirstName = json.Text()),
        ("lastName", (user, ref json) => user.LastName = json.Text()),
        ("password", (user, ref json) => user.Password = json.Text()),
        ("archived", (user, ref json) => user.Archived = json.Flag()))
    {
        IsClosed = true,
    };

    [Description("Required for a new user.")]
    [MaxLength(UserRules.EmailMax)]
    public string? Email { get; set; }

    [MaxLength(UserRules.NameMax)]
    public string? FirstName { get; set; }

    [MaxLength(UserRules.NameMax)]
    public string? LastName { get; set; }

    [Description("For signing in to allow OAuth apps.")]
    [StringLength(Passwords.LengthMax, MinimumLength = Passwords.LengthMin)]
    public string? Password { get; set; }

    [Description("Whether the user has left the portal.")]
    public bool? Archived { get; set; }

    public UserChange ToChange() => new(Email, FirstName, LastName, Archived);
}
