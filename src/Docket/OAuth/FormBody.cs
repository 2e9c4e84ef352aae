using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Docket.OAuth;

/// <summary>Bodies and queries with one value per field, as in OAuth 2.0: a repeated field counts as absent (RFC 6749 3.1, 3.2).</summary>
internal static class FormBody
{
    static readonly FormOptions Limits = new() { ValueCountLimit = 64, KeyLengthLimit = 256, ValueLengthLimit = 8 * 1024 };

    /// <summary>The fields of the body; empty if it isn't a URL-encoded form.</summary>
    /// <exception cref="Refusal">400 for a form that is too large.</exception>
    public static async Task<IFormCollection> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) != true)
        {
            return FormCollection.Empty;
        }

        try
        {
            return await http.Request.ReadFormAsync(Limits, http.RequestAborted);
        }
        catch (Exception failure) when (IncomingBodies.SendersFault(http, failure) is { } error)
        {
            throw new Refusal(error);
        }
        catch (InvalidDataException tooMuch)
        {
            throw new Refusal(Faults.BadRequest(StatusCodes.Status400BadRequest, tooMuch.Message));
        }
    }

    /// <summary>The value of a field that occurs once.</summary>
    public static string? Only(this StringValues values) => values.Count == 1 ? values[0] : null;

    /// <summary>Like <see cref="Only"/>, but empty if the field is absent.</summary>
    public static string Text(this IFormCollection form, string name) => form[name].Only() ?? "";
}
