namespace Docket.Model;

/// <summary>Errors in the OAuth flow: reference/auth-limits-webhooks-imports.md 1.5.</summary>
internal static partial class Faults
{
    public static Error BadGrantType() => OAuth("BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type");

    public static Error BadClientId() => OAuth("BAD_CLIENT_ID", "invalid_client", "missing or invalid client id");

    public static Error BadClientSecret() => OAuth("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret");

    public static Error BadRedirectUri() => OAuth("BAD_REDIRECT_URI", "invalid_request", "missing or invalid redirect uri");

    public static Error BadAuthCode() => OAuth("BAD_AUTH_CODE", "invalid_grant", "missing or invalid auth code");

    public static Error BadRefreshToken() => OAuth("BAD_REFRESH_TOKEN", "invalid_grant", "refresh token is invalid, expired or revoked");

    static Error OAuth(string status, string error, string message) => new(400, message) { OAuth = (status, error) };
}
