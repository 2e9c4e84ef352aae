using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Docket.Conversations;
using Docket.Stores;
using Docket.Tests.Contract;
using Microsoft.AspNetCore.Routing;

namespace Docket.Tests;

/// <summary>
/// A real Docket on a free port with its own data directory, a clock that doesn't move and counted correlation ids. Opening one takes
/// milliseconds, so each test has its own.
/// </summary>
public sealed class TestServer : IAsyncDisposable
{
    public const string Token = "test-token";

    /// <summary>The unique property that <see cref="StartWithKeyAsync"/> makes.</summary>
    public const string Key = "ext_id";

    readonly string directory;
    readonly DocketServer server;

    readonly bool ownsDirectory;

    TestServer(string directory, bool ownsDirectory, DocketServer server, ManualClock clock)
    {
        this.directory = directory;
        this.ownsDirectory = ownsDirectory;
        this.server = server;
        Clock = clock;
        Http = NewClient(Token);
    }

    public string Url => server.Url;

    public string DataDirectory => directory;

    /// <summary>Everything that can be called.</summary>
    internal IEnumerable<RouteEndpoint> Endpoints => server.Endpoints.Cast<RouteEndpoint>();

    /// <summary>What the server itself keeps of portals, apps, users and sessions.</summary>
    internal IPortals Portals => server.Portals;

    /// <summary>Opens the portals a second time, as the command line does.</summary>
    internal async ValueTask<IPortals> OpenPortalsAsync() => await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory));

    public long PortalId => server.PortalId;

    /// <summary>The file that holds the first portal.</summary>
    public string PortalFile => Path.Combine(directory, $"portal-{server.PortalId}.db");

    /// <summary>The file of the first portal's search index.</summary>
    public string IndexFile => Path.Combine(directory, TestEngine.IsPostgres ? "indexes" : "", $"portal-{server.PortalId}.index.db");

    /// <summary>The first portal's data, past the server.</summary>
    internal Task<BackDoor> OpenBackDoorAsync() => BackDoor.OpenAsync(directory, Path.GetFileName(PortalFile));

    public ManualClock Clock { get; }

    /// <summary>Calls the server with a token that may do everything.</summary>
    public HttpClient Http { get; }

    /// <summary>A client without a token. Like <see cref="Http"/> it holds each answer against HubSpot's OpenAPI files.</summary>
    /// <param name="inner">What sends the requests, if not the usual handler.</param>
    public HttpClient NewClient(HttpMessageHandler? inner = null) => new(new CheckedAnswers(inner ?? new SocketsHttpHandler())) { BaseAddress = new Uri(server.Url) };

    /// <summary>A client that has this token.</summary>
    public HttpClient NewClient(string token)
    {
        var http = NewClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    /// <param name="directory">Kept when the server ends; left out, a new one is made and goes with the server.</param>
    /// <param name="busyTimeoutMs">How long a write waits for another program's lock.</param>
    /// <param name="clock">The clock of a server before, so that time goes on.</param>
    /// <param name="patience">How long to wait for a client that says nothing.</param>
    /// <param name="with">Sets other options.</param>
    /// <param name="ephemeral">Keep nothing. The directory is then not given.</param>
    public static async Task<TestServer> StartAsync(string? directory = null, int busyTimeoutMs = 5_000, ManualClock? clock = null, TimeSpan? patience = null, Func<DocketOptions, DocketOptions>? with = null, bool? ephemeral = null)
    {
        if (directory is null && (ephemeral ?? TestEngine.IsEphemeral))
        {
            return await OpenAsync("", ownsDirectory: false, busyTimeoutMs, clock, patience, options => (with is null ? options : with(options)) with { Ephemeral = true });
        }

        var ownsDirectory = directory is null;
        if (directory is null)
        {
            directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
            foreach (var (name, bytes) in TestEngine.IsPostgres ? [] : await Fresh.Value)
            {
                await File.WriteAllBytesAsync(Path.Combine(directory, name), bytes);
            }
        }

        return await OpenAsync(directory, ownsDirectory, busyTimeoutMs, clock, patience, with);
    }

    /// <summary>The files after the first start in an empty directory. Creating them costs each test as much as the rest of its start.</summary>
    static readonly Lazy<Task<List<(string Name, byte[] Bytes)>>> Fresh = new(async () =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        await (await OpenAsync(directory, ownsDirectory: false)).DisposeAsync();
        var files = Directory.GetFiles(directory).Select(file => (Path.GetFileName(file), File.ReadAllBytes(file))).ToList();
        Directory.Delete(directory, recursive: true);
        return files;
    });

    static async Task<TestServer> OpenAsync(string directory, bool ownsDirectory, int busyTimeoutMs = 5_000, ManualClock? clock = null, TimeSpan? patience = null, Func<DocketOptions, DocketOptions>? with = null)
    {
        clock ??= new ManualClock();
        var correlated = 0;
        var options = new DocketOptions
        {
            DataDirectory = directory,
            Store = directory.Length > 0 ? await TestEngine.StoreOfAsync(directory) : null,
            Urls = "http://127.0.0.1:0",
            Token = Token,
            TestKit = true,
            Clock = clock,
            BusyTimeoutMs = busyTimeoutMs,
            Patience = patience ?? new DocketOptions().Patience,
            Random = new Random(1),
            NewCorrelationId = () => new Guid($"00000000-0000-7000-8000-{Interlocked.Increment(ref correlated):d12}"),
        };
        var server = await DocketServer.StartAsync(with is null ? options : with(options));
        return new TestServer(server.DataPath, ownsDirectory, server, clock);
    }

    /// <summary>Starts a server that has the unique text property <see cref="Key"/>.</summary>
    public static async Task<TestServer> StartWithKeyAsync()
    {
        var server = await StartAsync();
        await server.CreatePropertyAsync(Key);
        return server;
    }

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    public Task<Answer> PostAsync(string path, string json) => SendAsync(HttpMethod.Post, path, json);

    public Task<Answer> PatchAsync(string path, string json) => SendAsync(HttpMethod.Patch, path, json);

    public Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path, null);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? json)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        using var response = await Http.SendAsync(request);
        return await Answer.OfAsync(response);
    }

    /// <summary>Sends bytes unchanged over a separate connection, and reads the answer until the server closes it.</summary>
    public async Task<(int Status, string Headers, string Body)> SendRawAsync(string bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(Url).Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0, $"no answer but \"{answer}\"");
        return (int.Parse(answer.Split(' ')[1]), answer[..end], answer[(end + 4)..]);
    }

    /// <summary>Waits for the end of a job.</summary>
    public async Task<Answer> EndOfJobAsync(string? id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/docket/v1/jobs/{id}");
        request.Headers.Add("Prefer", "wait=60");
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (await Answer.OfAsync(response)).Expect(200);
    }

    /// <summary>Makes a text property; <paramref name="rest"/> adds to or overrides its definition.</summary>
    public async Task CreatePropertyAsync(string name, string type = "string", string fieldType = "text", bool unique = true, string rest = "")
    {
        var answer = await PostAsync("/crm/v3/properties/tickets",
            $$"""{"name":"{{name}}","label":"{{name}}","type":"{{type}}","fieldType":"{{fieldType}}","groupName":"ticketinformation","hasUniqueValue":{{(unique ? "true" : "false")}}{{rest}}}""");
        Assert.True(answer.Status == 201, answer.Text);
    }

    /// <summary>Makes a token of the first portal with some scopes, and gives its text.</summary>
    internal async Task<string> CreateTokenAsync(params ImmutableArray<string> scopes)
    {
        await using var portals = await OpenPortalsAsync();
        return (await portals.Apps.CreatePrivateAsync((await portals.ListAsync(TestContext.Current.CancellationToken))[0].Id, "test", scopes)).Token;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await server.DisposeAsync();
        if (ownsDirectory)
        {
            await TestEngine.DeleteAsync(directory);
        }
    }
}

/// <summary>What came back: status, the exact text, and the same as JSON.</summary>
public sealed record Answer(int Status, string Text, JsonNode? Json, HttpResponseHeaders Headers)
{
    /// <summary>The text at a path such as <c>results[0].properties.subject</c>; <c>null</c> for JSON null or nothing there.</summary>
    public string? this[string path] => JsonPath.Find(Json, path)?.ToString();

    public static async Task<Answer> OfAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        var json = response.Content.Headers.ContentType?.MediaType == "application/json" ? JsonNode.Parse(text) : null;
        return new Answer((int)response.StatusCode, text, json, response.Headers);
    }

    /// <summary>Whether there is a value, <c>null</c> included, at a path.</summary>
    public bool Has(string path)
    {
        var dot = path.LastIndexOf('.');
        var parent = dot < 0 ? Json : JsonPath.Find(Json, path[..dot]);
        return parent is JsonObject members && members.ContainsKey(path[(dot + 1)..]);
    }

    /// <summary>The number of entries of an array.</summary>
    public int Count(string path) => JsonPath.Find(Json, path) is JsonArray entries ? entries.Count : 0;

    /// <summary>Asserts on the status and shows the body when it is another.</summary>
    public Answer Expect(int status)
    {
        Assert.True(Status == status, $"expected {status}, got {Status}: {Text}");
        return this;
    }
}
