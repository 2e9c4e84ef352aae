using System.Text;
using Docket.Http;
using Microsoft.AspNetCore.Http;

namespace Docket.TestKit;

/// <summary>Replaces tokens and secrets in what the log keeps.</summary>
internal static class CallSecrets
{
    /// <summary>A query or a form.</summary>
    public static string WithoutSecrets(string pairs) => string.Join('&', pairs.Split('&').Select(pair =>
        pair.IndexOf('=', StringComparison.Ordinal) is var at and >= 0 && RequestTarget.IsSecret(Uri.UnescapeDataString(pair[..at])) ? pair[..(at + 1)] + RequestTarget.Hidden : pair));

    /// <summary>The bytes of a form.</summary>
    public static byte[] FormWithoutSecrets(ReadOnlySpan<byte> form) => Encoding.UTF8.GetBytes(WithoutSecrets(Encoding.UTF8.GetString(form)));

    /// <summary>Headers, with lower-case names.</summary>
    public static (string Name, string Value)[] WithoutSecrets(IHeaderDictionary headers) =>
    [
        .. headers.Select(header => (Name: header.Key.ToLowerInvariant(), Value: header.Value.ToString())).OrderBy(header => header.Name, StringComparer.Ordinal).Select(header => (header.Name, header.Name switch
        {
            // The scheme is worth seeing: a missing one is a common mistake.
            "authorization" or "proxy-authorization" => $"{header.Value.Split(' ')[0]} {RequestTarget.Hidden}",
            "cookie" or "set-cookie" => RequestTarget.Hidden,
            _ => header.Value,
        })),
    ];
}
