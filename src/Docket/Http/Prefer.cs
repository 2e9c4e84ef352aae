using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>What a client would like, from its <c>Prefer</c> headers (RFC 7240); what is not known here is passed over.</summary>
internal static class Prefer
{
    public const string RespondAsync = "respond-async";

    /// <summary>Longest wait that is granted, in seconds: below the patience of usual proxies and clients.</summary>
    const int WaitMaxSeconds = 60;

    /// <summary>Whether an answer before the work is done is welcome.</summary>
    public static bool AsksAsync(HttpRequest request) =>
        request.Headers.TryGetValue("Prefer", out var values) && Wishes(values).Contains(RespondAsync, StringComparer.OrdinalIgnoreCase);

    /// <summary>How long the client is ready to wait for the end of the work; nothing when it doesn't say.</summary>
    public static TimeSpan Wait(HttpRequest request)
    {
        var wish = Wishes(request.Headers["Prefer"]).FirstOrDefault(wish => wish.StartsWith("wait=", StringComparison.OrdinalIgnoreCase));
        return TimeSpan.FromSeconds(
            wish is not null && uint.TryParse(wish[5..], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? Math.Min(seconds, WaitMaxSeconds) : 0);
    }

    static IEnumerable<string> Wishes(IEnumerable<string?> values) =>
        values.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries));
}
