using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Admin;

/// <summary>The settings of the caller's portal.</summary>
internal static class SettingsRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals)
    {
        routes.MapGet(path, http => RespondAsync(http, http.Call().Caller.Settings)).Needs(Right.ReadSchema)
            .Describe("readSettings", "Reads the settings of the portal", () => default(SettingsAnswer)!);
        routes.MapPatch(path, http => ChangeAsync(http, portals)).Needs(ScopeNeed.Manage)
            .Describe("changeSettings", "Changes the settings in the body", (SettingsAnswer settings) => default(SettingsAnswer)!);
    }

    static async Task ChangeAsync(HttpContext http, IPortals portals)
    {
        var caller = http.Call().Caller;
        var changes = await RequestBody.ReadJsonAsync(http, ReadChanges);
        Faults.RefuseIf([.. changes.Select(change => caller.Settings.With(change.Key, change.Value).Mistake).OfType<string>()]);
        await RespondAsync(http, (await portals.ChangeAsync(caller.PortalId, changes))!.Settings);
    }

    // null is not a valid value of any setting, and is refused as such.
    static Dictionary<string, string> ReadChanges(ref JsonCursor json)
    {
        json.BeginObject("an object of settings");
        var changes = new Dictionary<string, string>(StringComparer.Ordinal);
        while (json.NextMember() is { } name)
        {
            changes[name] = json.Text() ?? "null";
        }

        return changes;
    }

    static Task RespondAsync(HttpContext http, PortalSettings settings) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, settings, Write);

    /// <summary>Writes settings, also for the command line.</summary>
    public static void Write(Utf8JsonWriter json, PortalSettings settings)
    {
        json.WriteStartObject();
        foreach (var setting in PortalSettings.All)
        {
            json.WriteString(setting.Name, setting.Show(settings));
        }

        json.WriteEndObject();
    }
}

/// <summary>Settings by name; the OpenAPI document contains the members of <see cref="PortalSettings.All"/>.</summary>
internal sealed class SettingsAnswer : Dictionary<string, string>;
