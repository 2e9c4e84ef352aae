using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>The preferences in <c>Prefer</c> headers (RFC 7240); unknown ones are ignored.</summary>
internal static class Prefer
{
    public const string RespondAsync = "respond-async";

    /// <summary>Longest wait, in seconds: shorter than the timeouts of usual proxies and clients.</summary>
    const int WaitMaxSeconds = 60;

    /// <summary>Whether the client accepts an answer before the work is done.</summary>
    public static bool AsksAsync(HttpRequest request) =>
        request.Headers.TryGetValue("Prefer", out var values) && Wishes(values).Contains(RespondAsync, StringComparer.OrdinalIgnoreCase);

    /// <summary>How long the client wants to wait for the end of the work; zero by default.</summary>
    public static TimeSpan Wait(HttpRequest request)
    {
        var wish = Wishes(request.Headers["Prefer"]).FirstOrDefault(wish => wish.StartsWith("wait=", StringComparison.OrdinalIgnoreCase));
        return TimeSpan.FromSeconds(
            wish is not null && uint.TryParse(wish[5..], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? Math.Min(seconds, WaitMaxSeconds) : 0);
    }

    static IEnumerable<string> Wishes(IEnumerable<string?> values) =>
        values.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries));
}
