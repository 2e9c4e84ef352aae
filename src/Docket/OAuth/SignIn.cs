using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Docket.Access;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Docket.OAuth;

/// <summary>How an attempt to sign in ended.</summary>
internal enum SignInEnd
{
    Done,

    /// <summary>No such user, another password, or too many attempts: which of them is nobody's business.</summary>
    Refused,

    /// <summary>Too many attempts from this client's network.</summary>
    TooMany,

    /// <summary>Too many people sign in at this moment.</summary>
    Busy,
}

/// <summary>
/// Who uses a browser: a random cookie, of which only the hash is kept (docs/internals/decisions.md, OAuth). Before anybody has signed in
/// it already stands behind the forms, so that no other site can send them.
/// </summary>
internal sealed partial class SignIn(IUsers users, ISessions sessions, TimeProvider clock, ILogger logger) : IDisposable
{
    public const string Cookie = "docket-session";

    /// <summary>How long to wait for the passwords of others to be checked.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How many attempts may wait: those that a processor checks within <see cref="Patience"/>, with something to spare.</summary>
    const int WaitingMax = 50;

    // Checking a password takes long on purpose: one attempt at a time, or strangers could keep all processors and the disk busy.
    readonly SemaphoreSlim hashing = new(1);

    readonly ClientAttempts clients = new(clock);
    readonly string nobody = Passwords.NewSalt();
    int waiting, warned;

    /// <summary>How often a password was hashed.</summary>
    public int Hashings { get; private set; }

    /// <summary>Who is signed in, one user for each portal at most.</summary>
    public ImmutableArray<User> Users(HttpContext http) => CookieOf(http) is { } session ? sessions.Find(session) : [];

    /// <summary>What a form on a page for this browser has to bring back.</summary>
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

    /// <summary>Whether a form comes from a page that was made for this browser.</summary>
    public static bool IsOwn(HttpContext http, IFormCollection form) =>
        CookieOf(http) is { } session && CryptographicOperations.FixedTimeEquals(Secrets.Hash(form.Text("key")), Secrets.Hash(FormKey(session)));

    /// <summary>Signs in all users with this address and password, with a new cookie: one that somebody else has put there is worth nothing.</summary>
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
            found = sessions.MayTry(email) ? Check(email, password) : [];
        }
        finally
        {
            hashing.Release();
        }

        if (found.Count == 0)
        {
            return SignInEnd.Refused;
        }

        Leave(http);
        SetCookie(http, sessions.Start(found));
        return SignInEnd.Done;
    }

    /// <summary>Ends the session.</summary>
    public void Leave(HttpContext http)
    {
        if (CookieOf(http) is { } session)
        {
            sessions.End(session);
        }
    }

    public void Dispose() => hashing.Dispose();

    // As many hashings for every address, known or not, in one portal or in many: who measures the time learns nothing.
    List<User> Check(string email, string password)
    {
        var found = new List<User>();
        var left = users.CountSalts();
        foreach (var sharing in users.FindSignIns(email).GroupBy(one => Passwords.SaltOf(one.PasswordHash)))
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

    // Lax: users come from the app's site. A proxy that speaks TLS says so; who only pretends it harms nobody but himself.
    static void SetCookie(HttpContext http, string session) => http.Response.Cookies.Append(Cookie, session, new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Path = "/oauth",
        Secure = http.Request.IsHttps || http.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase),
    });

    static partial class Log
    {
        // The framework turns the header of a trusted proxy into X-Original-For.
        [LoggerMessage(1, LogLevel.Warning, "Sign-in attempts come through a proxy that is not trusted ({Client}), so all of its users share one limit. If the proxy is yours, start with --trusted-proxy {Client}.")]
        public static partial void ProxyNotTrusted(ILogger logger, IPAddress? client);
    }
}
