using Docket.Conversations;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Conversations;

/// <summary>
/// Plays a conversation against a test's server. Besides <c>docket</c> and <c>token</c> there is the variable <c>unscoped</c>, a token
/// without any scope.
/// </summary>
internal static class PlayedConversation
{
    /// <summary>The behaviours that the file's comments <c># holds: …</c> name.</summary>
    public static IEnumerable<Behaviour> Holds(this Conversation conversation) =>
        conversation.Lines.Where(line => line.StartsWith("# holds: ", StringComparison.Ordinal)).Select(line => Behaviour.OfComment(conversation.File, line));

    /// <summary>Plays all entries and reports differences. With <paramref name="update"/>, the actual answers become the expected ones.</summary>
    public static async Task<List<string>> PlayAsync(this Conversation conversation, TestServer server, bool update)
    {
        var mismatches = new List<string>();
        using var http = server.NewClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        await conversation.SendAsync(server, http, url => url, (entry, response, body, variables) =>
        {
            string fill(string text) => Conversation.Fill(text, variables);
            if (update)
            {
                // What is long and was captured is a secret, and another one each time.
                var named = variables.Where(variable => variable.Value.Length >= 30 || variable.Key == "docket").ToList();
                entry.Answer = entry.AnswerOf(response, body).ConvertAll(line => named.Aggregate(line, (text, variable) => text.Replace(variable.Value, $"{{{{{variable.Key}}}}}", StringComparison.Ordinal)));
            }
            else if (entry.Mismatch(response, body, fill) is { } mismatch)
            {
                mismatches.Add($"{conversation.File}:{entry.Line}: {entry.Method} {fill(entry.Url)}\n{mismatch}");
            }
        });
        if (update)
        {
            conversation.WriteAnswers();
        }

        return mismatches;
    }

    /// <summary>Sends all requests to the paths that <paramref name="other"/> makes of those written, and gives the answers, expected or not.</summary>
    public static async Task<List<Exchange>> SendAsync(this Conversation conversation, TestServer server, Func<string, string> other)
    {
        var exchanges = new List<Exchange>();
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        await conversation.SendAsync(server, http, other, (entry, response, body, _) =>
            exchanges.Add(new($"{conversation.File}:{entry.Line}", entry.Method, response.RequestMessage!.RequestUri!.AbsolutePath, (int)response.StatusCode, body)));
        return exchanges;
    }

    static async Task SendAsync(this Conversation conversation, TestServer server, HttpClient http, Func<string, string> other, Action<Entry, HttpResponseMessage, string, Dictionary<string, string>> answered)
    {
        var variables = new Dictionary<string, string> { ["docket"] = server.Url, ["token"] = TestServer.Token };
        if (conversation.Lines.Any(line => line.Contains("{{unscoped}}", StringComparison.Ordinal)))
        {
            variables["unscoped"] = await server.CreateTokenAsync();
        }

        foreach (var entry in conversation.Entries)
        {
            server.Clock.Advance(entry.Clock);
            using var request = entry.Request(other(entry.Url), text => Conversation.Fill(text, variables));
            using var response = await http.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            entry.Capture(response, body, variables);
            answered(entry, response, body, variables);
        }
    }
}
