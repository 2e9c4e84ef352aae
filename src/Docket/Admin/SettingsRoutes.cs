using System.Text.Json.Serialization;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Admin;

/// <summary>The settings of the caller's portal. They belong to its set-up, as its schema does, and need the same scopes.</summary>
internal static class SettingsRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals)
    {
        routes.MapGet(path, http => RespondAsync(http, http.Call().Caller.Settings)).Needs(Scopes.SchemaRead);
        routes.MapPatch(path, http => ChangeAsync(http, portals)).Needs(Scopes.SchemaWrite);
    }

    static async Task ChangeAsync(HttpContext http, IPortals portals)
    {
        var caller = http.Call().Caller;
        var changes = await RequestBody.ReadJsonAsync(http, SettingsBody.Default.DictionaryStringString);
        var mistakes = changes.Select(change => caller.Settings.With(change.Key, change.Value ?? "null").Mistake).OfType<string>().ToList();
        if (mistakes.Count > 0)
        {
            throw new Refusal(Faults.SettingsInvalid(mistakes));
        }

        await RespondAsync(http, portals.Change(caller.PortalId, changes)!.Settings);
    }

    static Task RespondAsync(HttpContext http, PortalSettings settings) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, settings, static (json, settings) =>
        {
            json.WriteStartObject();
            foreach (var setting in PortalSettings.All)
            {
                json.WriteString(setting.Name, setting.Show(settings));
            }

            json.WriteEndObject();
        });
}

[JsonSourceGenerationOptions(Converters = [typeof(TextConverter)])]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class SettingsBody : JsonSerializerContext;
