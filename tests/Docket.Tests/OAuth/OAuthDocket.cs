using System.Net;
using System.Text.RegularExpressions;
using System.Web;
using Docket.Access;
using Docket.OAuth;

namespace Docket.Tests.OAuth;

/// <summary>A server with an OAuth app of the first portal and a user who may let it in.</summary>
internal sealed partial class OAuthDocket : IAsyncDisposable
{
    public const string Back = "http://127.0.0.1:9999/back", OtherBack = "https://example.com/back?kept=1&more", Email = "ann@example.com", Password = "correct horse";

    // A hash takes as long as the rest of most tests; other tests cover the ways to set passwords.
    static readonly Lazy<string> PasswordHash = new(() => Passwords.Hash(Password, Passwords.NewSalt()));

    public required TestServer Server { get; init; }

    public required string ClientId { get; init; }

    public required string ClientSecret { get; init; }

    public required string AppId { get; init; }

    public required string UserId { get; init; }

    /// <summary>Where the app sends its users.</summary>
    public string Authorize => AuthorizeWith();

    public static async Task<OAuthDocket> StartAsync(string? directory = null, string scopes = "\"tickets\"", string optionalScopes = "\"crm.objects.owners.read\",\"contacts\"", Func<DocketOptions, DocketOptions>? with = null)
    {
        var server = await TestServer.StartAsync(directory, with: with);
        var app = (await server.PostAsync("/docket/v1/apps", $$"""{"name":"Test <app> & \"co\"","scopes":[{{scopes}}],"optionalScopes":[{{optionalScopes}}],"redirectUris":["{{Back}}","{{OtherBack}}"]}""")).Expect(201);
        var user = (await server.PostAsync("/docket/v1/users", $$"""{"email":"{{Email}}","firstName":"Ann"}""")).Expect(201);
        Assert.True(await server.Portals.Users.SetPasswordAsync(server.PortalId, long.Parse(user["id"]!), PasswordHash.Value));
        return new() { Server = server, ClientId = app["clientId"]!, ClientSecret = app["clientSecret"]!, AppId = app["id"]!, UserId = user["id"]! };
    }

    /// <summary>The same app and user with a restarted server.</summary>
    public OAuthDocket On(TestServer server) => new() { Server = server, ClientId = ClientId, ClientSecret = ClientSecret, AppId = AppId, UserId = UserId };

    public string AuthorizeWith(string redirectUri = Back, string scope = "tickets oauth", string more = "", string? account = null) =>
        $"/oauth/{(account is null ? "" : account + "/")}authorize?client_id={ClientId}&redirect_uri={Uri.EscapeDataString(redirectUri)}&scope={Uri.EscapeDataString(scope)}{more}";

    public Browser NewBrowser() => new(Server);

    /// <summary>Has the user, or another one, agree in a new browser in which they are signed in, and gives the code.</summary>
    public async Task<string> CodeAsync(string? url = null, string email = Email)
    {
        using var browser = NewBrowser();
        var users = (await Server.Portals.Users.FindSignInsAsync(email, TestContext.Current.CancellationToken)).Select(one => one.User);
        browser.Cookies.Add(new Uri(Server.Url), new Cookie(SignIn.Cookie, await Server.Portals.Sessions.StartAsync(users)));
        await browser.GetAsync(url ?? Authorize);
        return (await browser.SendAsync("allow")).Code;
    }

    /// <summary>Tokens for a new code.</summary>
    public async Task<Answer> TokensAsync(string? url = null) => (await ExchangeAsync(await CodeAsync(url))).Expect(200);

    public Task<Answer> ExchangeAsync(string code, string redirectUri = Back, string version = "v1", params (string, string)[] more) =>
        PostAsync($"/oauth/{version}/token", [("grant_type", "authorization_code"), .. Client, ("code", code), ("redirect_uri", redirectUri), .. more]);

    public Task<Answer> RefreshAsync(string token, string version = "v1") => PostAsync($"/oauth/{version}/token", [("grant_type", "refresh_token"), .. Client, ("refresh_token", token)]);

    public (string, string)[] Client => [("client_id", ClientId), ("client_secret", ClientSecret)];

    public async Task<Answer> PostAsync(string path, params (string Name, string Value)[] fields)
    {
        using var http = Server.NewClient();
        using var form = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        using var response = await http.PostAsync(path, form);
        return await Answer.OfAsync(response);
    }

    /// <summary>Calls with a token, or without.</summary>
    public async Task<Answer> CallAsync(HttpMethod method, string path, string? token = null, string? json = null)
    {
        using var http = Server.NewClient();
        using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        using var response = await http.SendAsync(request);
        return await Answer.OfAsync(response);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>A browser that follows nothing by itself.</summary>
    internal sealed partial class Browser : IDisposable
    {
        readonly HttpClient http;
        string url = "";
        string key = "";

        public Browser(TestServer server) => http = server.NewClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies });

        public CookieContainer Cookies { get; } = new();

        /// <summary>Has a proxy say where the browser is.</summary>
        public Browser From(string address)
        {
            http.DefaultRequestHeaders.Remove("X-Forwarded-For");
            http.DefaultRequestHeaders.Add("X-Forwarded-For", address);
            return this;
        }

        public Task<Page> GetAsync(string address)
        {
            url = address;
            return AnswerAsync(new(HttpMethod.Get, url));
        }

        /// <summary>Sends the form of the page that was shown last.</summary>
        public Task<Page> SendAsync(string button, params (string Name, string Value)[] fields) => PostAsync(url, [("key", key), ("do", button), ("account", account), .. fields]);

        public Task<Page> PostAsync(string address, params (string Name, string Value)[] fields) => AnswerAsync(new(HttpMethod.Post, address)
        {
            Content = new FormUrlEncodedContent(fields.DistinctBy(field => field.Name).Select(field => KeyValuePair.Create(field.Name, field.Value))),
        });

        public Task<Page> SignInAsync(string email = Email, string password = Password) => SendAsync("sign-in", ("email", email), ("password", password));

        public void Dispose() => http.Dispose();

        string account = "";

        async Task<Page> AnswerAsync(HttpRequestMessage request)
        {
            using (request)
            {
                using var response = await http.SendAsync(request);
                var text = await response.Content.ReadAsStringAsync();
                (key, account) = (Key().Match(text) is { Success: true } found ? found.Groups[1].Value : key, Account().Match(text) is { Success: true } only ? only.Groups[1].Value : "");
                return new((int)response.StatusCode, text, response.Headers.Location?.OriginalString, response);
            }
        }

        [GeneratedRegex("name=\"key\" value=\"([0-9a-f]+)\"")]
        private static partial Regex Key();

        [GeneratedRegex("type=\"hidden\" name=\"account\" value=\"([0-9]+)\"")]
        private static partial Regex Account();
    }

    internal sealed record Page(int Status, string Text, string? Location, HttpResponseMessage Response)
    {
        public string Code => Query("code") ?? throw new InvalidOperationException($"{Status}, {Location}: {Text}");

        public bool AsksToSignIn => Text.Contains("name=\"password\"", StringComparison.Ordinal);

        public bool AsksToAllow => Text.Contains("value=\"allow\"", StringComparison.Ordinal);

        public string? Query(string name) => Location is null ? null : HttpUtility.ParseQueryString(new Uri(new Uri("http://docket.invalid"), Location).Query)[name];

        public string Header(string name) => Response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : "";

        public Page Expect(int status)
        {
            Assert.True(Status == status, $"expected {status}, got {Status}: {Text}");
            return this;
        }
    }
}
