using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Docket.Conversations;

/// <summary>A variable and where its value is found: by <paramref name="Path"/> in the body, or by <paramref name="Pattern"/> in a header.</summary>
internal sealed record Captured(string Variable, string Line, string Path, string Header, string Pattern);

/// <summary>One request and what is expected back.</summary>
internal sealed class Entry
{
    public bool BodyIsJson;

    public required int Line { get; init; }

    public required string Method { get; init; }

    public required string Url { get; init; }

    public required TimeSpan Clock { get; init; }

    public List<(string Name, string Value)> Headers { get; } = [];

    public string? Body { get; set; }

    /// <summary>0 as long as the file has no answer.</summary>
    public int Status { get; set; }

    public List<(string Name, string Value)> ExpectedHeaders { get; } = [];

    public List<Captured> Captures { get; } = [];

    public string ExpectedBody { get; set; } = "";

    /// <summary>The lines of the answer in the file.</summary>
    public int AnswerStart { get; set; }

    public int AnswerEnd { get; set; }

    public List<string> Answer { get; set; } = [];

    public HttpRequestMessage Request(string url, Func<string, string> fill)
    {
        var request = new HttpRequestMessage(new HttpMethod(Method), fill(url));
        if (Body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(fill(Body)));
            if (BodyIsJson && !Headers.Exists(header => header.Name == "Content-Type"))
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
            }
        }

        foreach (var (name, value) in Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, fill(value)))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, fill(value));
            }
        }

        return request;
    }

    public void Capture(HttpResponseMessage response, string body, Dictionary<string, string> variables)
    {
        foreach (var capture in Captures)
        {
            variables[capture.Variable] = capture.Header.Length > 0 ? Regex.Match(HeaderOf(response, capture.Header), capture.Pattern).Groups[1].Value
                : JsonText.IsJson(body) ? JsonPath.Find(JsonNode.Parse(body), capture.Path)?.ToString() ?? "" : "";
        }
    }

    public string? Mismatch(HttpResponseMessage response, string body, Func<string, string> fill)
    {
        if (Status == 0)
        {
            return "has no answer yet; DOCKET_UPDATE=1 writes it";
        }

        var wanted = Lines(Status, ExpectedHeaders.ConvertAll(header => (header.Name, fill(header.Value))), JsonText.IsJson(ExpectedBody) ? JsonText.Compact(fill(ExpectedBody)) : fill(ExpectedBody));
        var found = Lines((int)response.StatusCode, ExpectedHeaders.ConvertAll(header => (header.Name, HeaderOf(response, header.Name))), body);
        return wanted.SequenceEqual(found) ? null : JsonText.Difference(wanted, found);
    }

    public List<string> AnswerOf(HttpResponseMessage response, string body)
    {
        var answer = Lines((int)response.StatusCode, ExpectedHeaders.ConvertAll(header => (header.Name, HeaderOf(response, header.Name))), body);
        if (Captures.Count > 0)
        {
            answer.InsertRange(1 + ExpectedHeaders.Count, Captures.Select(capture => capture.Line).Prepend("[Captures]"));
        }

        return answer;
    }

    static List<string> Lines(int status, IEnumerable<(string Name, string Value)> headers, string body) =>
    [
        $"HTTP {status}",
        .. headers.Select(header => $"{header.Name}: {header.Value}"),
        .. body.Length == 0 ? [] : JsonText.IsJson(body) ? JsonText.Indent(body).Split('\n') : body.EndsWith('\n') ? ["```", .. body.TrimEnd('\n').Split('\n'), "```"] : [$"`{body}`"],
    ];

    public static string HeaderOf(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : "(absent)";
}
