using System.Text.Json;
using System.Text.Json.Nodes;

namespace Docket.Conversations.Recording;

/// <summary>Reads the answer of <c>GET /docket/v1/requests</c>.</summary>
internal static class RequestLog
{
    /// <exception cref="FormatException">It is something else.</exception>
    public static string ToConversation(string text)
    {
        try
        {
            var recorder = new Recorder("http://docket.invalid", []);
            foreach (var call in JsonNode.Parse(text)!["results"]!.AsArray())
            {
                var query = TextOf(call!["query"]);
                recorder.Add(new(
                    call["method"]!.GetValue<string>(),
                    TextOf(call["path"]) + (query.Length == 0 || query[0] == '?' ? query : $"?{query}"),
                    // The log has no secrets, so every request gets the token.
                    [("Authorization", ""), .. (call["headers"] as JsonObject)?.Where(header => !header.Key.Equals("Authorization", StringComparison.OrdinalIgnoreCase)).Select(header => (header.Key, TextOf(header.Value))) ?? []],
                    TextOf(call["body"]),
                    call["status"]!.GetValue<int>(),
                    TextOf(call["answer"])));
            }

            return recorder.ToConversation();
        }
        catch (Exception mistake) when (mistake is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new FormatException("This is neither a conversation nor the answer of GET /docket/v1/requests.");
        }
    }

    static string TextOf(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => node.ToJsonString(),
    };
}
