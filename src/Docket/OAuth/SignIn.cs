using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Docket.Access;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Docket.OAuth;

/// <summary>The result of a sign-in attempt.</summary>
internal enum SignInEnd
{
    Done,

    /// <summary>Unknown user, wrong password, or too many attempts. The client must not learn which.</summary>
    Refused,

    /// <summary>Too many attempts from this client's network.</summary>
    TooMany,

    /// <summary>Too many people are signing in at the moment.</summary>
    Busy,
}

/// <summary>
/// The browser's session: a random cookie, of which only the hash is stored (docs/internals/decisions.md, OAuth). It protects forms
/// before the sign-in too, so that no other site can send them.
/// </summary>
internal sealed partial class SignIn(IUsers users, ISessions sessions, TimeProvider clock, ILogger logger) : IDisposable
{
    public const string Cookie = "docket-session";

    /// <summary>How long an attempt waits while other passwords are checked.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How many attempts can wait: somewhat fewer than a processor checks within <see cref="Patience"/>.</summary>
    const int WaitingMax = 50;

    // Checking a password is slow on purpose. One attempt at a time, so that strangers can't keep all processors and the disk busy.
    readonly SemaphoreSlim hashing = new(1);

    readonly ClientAttempts clients = new(clock);
    readonly string nobody = Passwords.NewSalt();
    int waiting, warned;

    /// <summary>How often a password was hashed.</summary>
    public int Hashings { get; private set; }

    /// <summary>The signed-in users, at most one for each portal.</summary>
    public ValueTask<ImmutableArray<User>> UsersAsync(HttpContext http) => CookieOf(http) is { } session ? sessions.FindAsync(session, http.RequestAborted) : new([]);

    /// <summary>The value that a form for this browser must send back.</summary>
    public static string FormKey(HttpContext http)
    {
        if (CookieOf(http) is { } session)
        {
            return FormKey(session);
        }

        session = Secrets.NewOpaque();
        SetCookie(http, session);
        return FormKey(session);
    }

    /// <summary>Whether a form comes from a page that was created for this browser.</summary>
    public static bool IsOwn(HttpContext http, IFormCollection form) =>
        CookieOf(http) is { } session && CryptographicOperations.FixedTimeEquals(Secrets.Hash(form.Text("key")), Secrets.Hash(FormKey(session)));

    /// <summary>Signs in all users with this address and password, with a new cookie, which prevents session fixation.</summary>
    public async Task<SignInEnd> TryAsync(HttpContext http, string email, string password)
    {
        var client = http.Connection.RemoteIpAddress;
        if (http.Request.Headers.ContainsKey("X-Forwarded-For") && !http.Request.Headers.ContainsKey("X-Original-For") && Interlocked.Exchange(ref warned, 1) == 0)
        {
            Log.ProxyNotTrusted(logger, client);
        }

        if (!clients.MayTry(client))
        {
            return SignInEnd.TooMany;
        }

        try
        {
            if (Interlocked.Increment(ref waiting) > WaitingMax || !await hashing.WaitAsync(Patience, http.RequestAborted))
            {
                return SignInEnd.Busy;
            }
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }

        List<User> found;
        try
        {
            found = await sessions.MayTryAsync(email) ? await CheckAsync(email, password, http.RequestAborted) : [];
        }
        finally
        {
            hashing.Release();
        }

        if (found.Count == 0)
        {
            return SignInEnd.Refused;
        }

        await LeaveAsync(http);
        SetCookie(http, await sessions.StartAsync(found));
        return SignInEnd.Done;
    }

    /// <summary>Ends the session.</summary>
    public async Task LeaveAsync(HttpContext http)
    {
        if (CookieOf(http) is { } session)
        {
            await sessions.EndAsync(session);
        }
    }

    public void Dispose() => hashing.Dispose();

    // The same number of hashings for every address, known or not, in one portal or many: timing reveals nothing.
    async Task<List<User>> CheckAsync(string email, string password, CancellationToken cancellation)
    {
        var found = new List<User>();
        var left = await users.CountSaltsAsync(cancellation);
        foreach (var sharing in (await users.FindSignInsAsync(email, cancellation)).GroupBy(one => Passwords.SaltOf(one.PasswordHash)))
        {
            var hash = Hash(password, sharing.Key);
            found.AddRange(sharing.Where(one => Passwords.Same(one.PasswordHash, hash)).Select(one => one.User));
            left--;
        }

        for (; left > 0; left--)
        {
            Hash(password, nobody);
        }

        return found;
    }

    string Hash(string password, string salt)
    {
        Hashings++;
        return Passwords.Hash(password, salt);
    }

    static string FormKey(string session) => Convert.ToHexStringLower(Secrets.Hash("form " + session));

    static string? CookieOf(HttpContext http) => http.Request.Cookies[Cookie] is { Length: 43 } session ? session : null;

    // Lax, because users come from the app's site. A forged header of a TLS proxy only affects the client that sends it.
    static void SetCookie(HttpContext http, string session) => http.Response.Cookies.Append(Cookie, session, new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Path = "/oauth",
        Secure = http.Request.IsHttps || http.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase),
    });

    static partial class Log
    {
        // The framework puts the header of a trusted proxy into X-Original-For.
        [LoggerMessage(1, LogLevel.Warning, "Sign-in attempts come through a proxy that is not trusted ({Client}), so all of its users share one limit. If the proxy is yours, start with --trusted-proxy {Client}.")]
        public static partial void ProxyNotTrusted(ILogger logger, IPAddress? client);
    }
}
