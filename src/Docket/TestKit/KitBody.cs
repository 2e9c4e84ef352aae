using Docket.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.TestKit;

/// <summary>Reads bodies that may be missing.</summary>
internal static class KitBody
{
    public static async ValueTask<T> ReadAsync<T>(HttpContext http, JsonShape<T> shape)
        where T : new() => http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? new() : await RequestBody.ReadJsonAsync(http, shape.Read);
}
