using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Docket.Conversations.Comparing;

/// <summary>One of the two accounts of a comparison: sends requests, remembers what they created, and deletes it.</summary>
internal sealed class Side(string url, string token, Pace? pace, TimeProvider clock) : IDisposable
{
    /// <summary>How often a deletion is sent again.</summary>
    const int DeleteAttempts = 3;

    /// <summary>Not compared: they count the calls.</summary>
    const string LimitHeaders = "X-HubSpot-RateLimit";

    readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(url) };

    readonly Dictionary<string, string> variables = new() { ["docket"] = url, ["token"] = token };

    public string Url => url;

    public Created Created { get; } = new();

    /// <summary>A text with this side's values of variables.</summary>
    public string Fill(string text) => Conversation.Fill(text, variables);

    /// <summary>The first variable of a text without a value, of those that the file captures.</summary>
    public string? Missing(string text, IReadOnlySet<string> known) => Conversation.VariablesIn(text).FirstOrDefault(name => known.Contains(name) && variables.GetValueOrDefault(name, "") is "");

    /// <summary>Sends a request of the file, again if a limit refused it.</summary>
    public async Task<Reply> SendAsync(Entry entry, CancellationToken cancellation)
    {
        var path = Target.PathOf(Fill(entry.Url)[url.Length..]);
        for (var attempt = 1; ; attempt++)
        {
            if (pace is not null)
            {
                await pace.WaitAsync(Target.IsSearch(path), cancellation);
            }

            using var request = entry.Request(entry.Url, Fill);
            Reply reply;
            try
            {
                using var response = await http.SendAsync(request, cancellation);
                var body = await response.Content.ReadAsStringAsync(cancellation);
                reply = new((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, [.. entry.ExpectedHeaders.Where(header => !header.Name.StartsWith(LimitHeaders, StringComparison.OrdinalIgnoreCase)).Select(header => (header.Name, Entry.HeaderOf(response, header.Name)))], body);
                entry.Capture(response, body, variables);
                Created.Note(entry.Method, path, reply.Status, Parse(body));
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
            {
                if (Target.IsWrite(entry.Method, path))
                {
                    Created.NoteUnknown(entry.Method, path);
                }

                throw;
            }

            if (pace is null || Pace.AfterRefusal(reply, attempt) is not { } wait)
            {
                return reply;
            }

            await Task.Delay(wait, clock, cancellation);
        }
    }

    /// <summary>A value of an answer to a GET; <c>null</c> if there is none.</summary>
    public async Task<string?> ReadAsync(string path, string member, CancellationToken cancellation) =>
        (await CallAsync(HttpMethod.Get, path, null, cancellation)).Answer?[member]?.ToString();

    /// <summary>Ids of records that have one of these keys and were not created by the run.</summary>
    public async Task<string?> FindForeignAsync(string path, JsonNode? body, CancellationToken cancellation)
    {
        foreach (var keys in Created.ForeignKeys(path, body).GroupBy(key => key.Property, key => key.Key))
        {
            var read = new JsonObject
            {
                ["idProperty"] = keys.Key,
                ["properties"] = new JsonArray(),
                ["inputs"] = new JsonArray([.. keys.Select(key => new JsonObject { ["id"] = key })]),
            };
            // A property that doesn't exist yet finds nothing.
            var (_, answer) = await CallAsync(HttpMethod.Post, path.Replace("/batch/upsert", "/batch/read", StringComparison.Ordinal), read.ToJsonString(), cancellation);
            if ((answer?["results"] as JsonArray)?.Select(record => record?["id"]?.ToString()).FirstOrDefault(id => id is not null && !Created.Has(id)) is { } foreign)
            {
                return foreign;
            }
        }

        return null;
    }

    /// <summary>Deletes all that was created.</summary>
    /// <returns>How many things are deleted, and what is left with the reason.</returns>
    public async Task<(int Deleted, List<string> Left)> DeleteCreatedAsync()
    {
        var left = Created.Unknown.Select(request => $"{request}: it is not known whether this has created something").ToList();
        var deleted = 0;
        foreach (var path in Created.Paths)
        {
            if (await DeleteAsync(path) is { } failure)
            {
                left.Add($"{path}: {failure}");
            }
            else
            {
                deleted++;
            }
        }

        return (deleted, left);
    }

    async Task<string?> DeleteAsync(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            string failure;
            try
            {
                var (status, answer) = await CallAsync(HttpMethod.Delete, path, null, CancellationToken.None);
                if (status is (>= 200 and <= 299) or 404)
                {
                    return null;
                }

                failure = $"{status} {answer?["message"]}";
                attempt = status is 429 or >= 500 ? attempt : DeleteAttempts;
            }
            catch (Exception lost) when (lost is HttpRequestException or TaskCanceledException)
            {
                failure = lost.Message;
            }

            if (attempt >= DeleteAttempts)
            {
                return failure;
            }

            await Task.Delay(TimeSpan.FromSeconds(attempt), clock);
        }
    }

    async Task<(int Status, JsonObject? Answer)> CallAsync(HttpMethod method, string path, string? body, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (pace is not null)
            {
                await pace.WaitAsync(false, cancellation);
            }

            using var request = new HttpRequestMessage(method, url + path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await http.SendAsync(request, cancellation);
            var text = await response.Content.ReadAsStringAsync(cancellation);
            if (pace is null || Pace.AfterRefusal(new((int)response.StatusCode, null, [], text), attempt) is not { } wait)
            {
                return ((int)response.StatusCode, Parse(text) as JsonObject);
            }

            await Task.Delay(wait, clock, cancellation);
        }
    }

    public void Dispose() => http.Dispose();

    public static JsonNode? Parse(string text)
    {
        try
        {
            return JsonText.IsJson(text) ? JsonNode.Parse(text) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
