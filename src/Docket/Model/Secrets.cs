using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Docket.Model;

/// <summary>Credentials of apps: random texts, of which only hashes are stored.</summary>
internal static class Secrets
{
    /// <summary>A token of a private app in HubSpot's format, which clients check (reference/auth-limits-webhooks-imports.md 1.1); all 128 bits are random.</summary>
    public static string NewToken()
    {
        var random = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        return $"pat-na1-{random[..8]}-{random[8..12]}-{random[12..16]}-{random[16..20]}-{random[20..]}";
    }

    /// <summary>A client id or a client secret in the format of a UUID, as on HubSpot; all 128 bits are random.</summary>
    public static string NewUuid() => new Guid(RandomNumberGenerator.GetBytes(16)).ToString();

    /// <summary>An opaque text with this many random bits: a session, a code, an access token.</summary>
    public static string NewOpaque(int bytes = 32) => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(bytes));

    /// <summary>The stored hash of a secret.</summary>
    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
