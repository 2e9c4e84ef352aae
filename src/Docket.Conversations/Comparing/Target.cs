namespace Docket.Conversations.Comparing;

/// <summary>What a request is about, as far as a comparison has to know.</summary>
internal static class Target
{
    public static bool IsSearch(string path) => path.EndsWith("/search", StringComparison.Ordinal);

    public static bool IsBatch(string path) => path.Contains("/batch/", StringComparison.Ordinal);

    /// <summary>Whether a request changes something.</summary>
    public static bool IsWrite(string method, string path) =>
        method is not ("GET" or "HEAD" or "OPTIONS") && !(method == "POST" && (IsSearch(path) || path.EndsWith("/batch/read", StringComparison.Ordinal)));

    /// <summary>Docket's own paths, which HubSpot doesn't have.</summary>
    public static bool IsDockets(string path) => path.StartsWith("/docket/", StringComparison.Ordinal) || path is "/" or "/healthz" or "/readyz";

    public static string PathOf(string target) => target.Split('?')[0];

    /// <summary>The value of a parameter; <c>null</c> if it isn't there.</summary>
    public static string? Query(string target, string name) =>
        target.Split('?', 2) is [_, var query] ? query.Split('&').Select(pair => pair.Split('=', 2)).Where(pair => pair[0] == name).Select(pair => Uri.UnescapeDataString(pair[^1])).FirstOrDefault() : null;
}
