using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Conversations;

/// <summary>
/// A file in Hurl's syntax, of which it knows: method and address, headers, a body as JSON, <c>`text`</c> or a block
/// fenced by three backticks, <c>HTTP status</c>, expected headers, <c>[Captures]</c> by jsonpath or by header and regex, and the
/// expected body. Redirects are not followed.
/// Two things are stricter than in Hurl: an answer without a body must be empty, and a JSON body is compared byte for
/// byte once the expectation's white space is taken out. The comment <c># clock +5s</c> moves the server's clock.
/// The variables <c>docket</c>, <c>token</c> and <c>unscoped</c>, a token without any scope, are there from the beginning.
/// </summary>
internal sealed partial class Conversation
{
    readonly string file;
    readonly List<string> lines;
    readonly List<Entry> entries = [];
    int at;

    Conversation(string file, IEnumerable<string> lines)
    {
        this.file = file;
        this.lines = [.. lines];
    }

    public static Conversation Parse(string file, IEnumerable<string> lines)
    {
        var conversation = new Conversation(file, lines);
        conversation.ParseEntries();
        return conversation;
    }

    /// <summary>The file's text, with the answers that <see cref="PlayAsync"/> wrote into it.</summary>
    public override string ToString() => string.Join('\n', lines) + "\n";

    /// <summary>What is asked and what is expected back, with variables still as they are written: <c>{{id}}</c>.</summary>
    public IEnumerable<Exchange> Exchanges =>
        entries.Select(entry => new Exchange($"{file}:{entry.Line}", entry.Method, PathOf(entry.Url), entry.Status, entry.ExpectedBody));

    /// <summary>The behaviours that the file's comments <c># holds: …</c> name.</summary>
    public IEnumerable<Behaviour> Holds =>
        lines.Where(line => line.StartsWith("# holds: ", StringComparison.Ordinal)).Select(line => Behaviour.OfComment(file, line));

    /// <summary>Plays all entries and reports differences. With <paramref name="update"/>, the actual answers become the expected ones.</summary>
    public async Task<List<string>> PlayAsync(TestServer server, bool update)
    {
        var mismatches = new List<string>();
        using var http = server.NewClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        await SendAsync(server, http, url => url, (entry, response, body, variables) =>
        {
            string fill(string text) => Fill(text, variables);
            if (update)
            {
                // What is long and was captured is a secret, and another one each time.
                var named = variables.Where(variable => variable.Value.Length >= 30 || variable.Key == "docket").ToList();
                entry.Answer = entry.AnswerOf(response, body).ConvertAll(line => named.Aggregate(line, (text, variable) => text.Replace(variable.Value, $"{{{{{variable.Key}}}}}", StringComparison.Ordinal)));
            }
            else if (entry.Mismatch(response, body, fill) is { } mismatch)
            {
                mismatches.Add($"{file}:{entry.Line}: {entry.Method} {fill(entry.Url)}\n{mismatch}");
            }
        });

        // From the last to the first, so that line numbers stay true.
        foreach (var entry in entries.AsEnumerable().Reverse().Where(_ => update))
        {
            lines.RemoveRange(entry.AnswerStart, entry.AnswerEnd - entry.AnswerStart);
            lines.InsertRange(entry.AnswerStart, entry.Answer);
        }

        return mismatches;
    }

    /// <summary>Sends all requests to the paths that <paramref name="other"/> makes of those written, and gives the answers, expected or not.</summary>
    public async Task<List<Exchange>> SendAsync(TestServer server, Func<string, string> other)
    {
        var exchanges = new List<Exchange>();
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        await SendAsync(server, http, other, (entry, response, body, _) =>
            exchanges.Add(new($"{file}:{entry.Line}", entry.Method, response.RequestMessage!.RequestUri!.AbsolutePath, (int)response.StatusCode, body)));
        return exchanges;
    }

    async Task SendAsync(TestServer server, HttpClient http, Func<string, string> other, Action<Entry, HttpResponseMessage, string, Dictionary<string, string>> answered)
    {
        var variables = new Dictionary<string, string> { ["docket"] = server.Url, ["token"] = TestServer.Token };
        if (lines.Exists(line => line.Contains("{{unscoped}}", StringComparison.Ordinal)))
        {
            variables["unscoped"] = await server.CreateTokenAsync();
        }

        foreach (var entry in entries)
        {
            server.Clock.Advance(entry.Clock);
            using var request = entry.Request(other(entry.Url), text => Fill(text, variables));
            using var response = await http.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            entry.Capture(response, body, variables);
            answered(entry, response, body, variables);
        }
    }

    static string PathOf(string url) => url.Replace("{{docket}}", "", StringComparison.Ordinal).Split('?')[0];

    static string Fill(string text, Dictionary<string, string> variables) =>
        Variable().Replace(text, match => variables.TryGetValue(match.Groups[1].Value, out var value) ? value : match.Value);

    void ParseEntries()
    {
        var clock = TimeSpan.Zero;
        for (SkipTo(ref clock); at < lines.Count; SkipTo(ref clock))
        {
            var start = RequestLine().Match(lines[at]);
            if (!start.Success)
            {
                throw new FormatException($"{file}:{at + 1}: expected a method and an address, found: {lines[at]}");
            }

            var entry = new Entry { Line = ++at, Method = start.Groups[1].Value, Url = start.Groups[2].Value, Clock = clock };
            clock = TimeSpan.Zero;
            entries.Add(entry);
            ReadHeaders(entry.Headers);
            entry.Body = ReadBody(out entry.BodyIsJson);
            entry.AnswerStart = entry.AnswerEnd = at;
            var before = at;
            SkipTo(ref clock);
            if (at == lines.Count || !lines[at].StartsWith("HTTP ", StringComparison.Ordinal))
            {
                at = before;
                clock = TimeSpan.Zero;
                continue;
            }

            entry.AnswerStart = at;
            entry.Status = int.Parse(lines[at++][5..]);
            ReadHeaders(entry.ExpectedHeaders);
            if (at < lines.Count && lines[at] == "[Captures]")
            {
                for (at++; at < lines.Count && CaptureLine().Match(lines[at]) is { Success: true } capture; at++)
                {
                    entry.Captures.Add(new(capture.Groups[1].Value, lines[at], capture.Groups[2].Value, capture.Groups[3].Value, capture.Groups[4].Value));
                }
            }

            entry.ExpectedBody = ReadBody(out _) ?? "";
            entry.AnswerEnd = at;
        }
    }

    /// <summary>Leaves out blank lines and comments, but heeds those that move the clock.</summary>
    void SkipTo(ref TimeSpan clock)
    {
        for (; at < lines.Count && (lines[at].Length == 0 || lines[at][0] == '#'); at++)
        {
            if (ClockLine().Match(lines[at]) is { Success: true } moved)
            {
                var number = double.Parse(moved.Groups[1].Value, CultureInfo.InvariantCulture);
                clock += moved.Groups[2].Value switch
                {
                    "ms" => TimeSpan.FromMilliseconds(number),
                    "s" => TimeSpan.FromSeconds(number),
                    "m" => TimeSpan.FromMinutes(number),
                    _ => TimeSpan.FromHours(number),
                };
            }
        }
    }

    void ReadHeaders(List<(string Name, string Value)> headers)
    {
        for (; at < lines.Count && HeaderLine().Match(lines[at]) is { Success: true } header; at++)
        {
            headers.Add((header.Groups[1].Value, header.Groups[2].Value));
        }
    }

    string? ReadBody(out bool json)
    {
        json = false;
        if (at == lines.Count || lines[at].Length == 0)
        {
            return null;
        }

        var first = lines[at];
        if (first.StartsWith("```", StringComparison.Ordinal))
        {
            var end = lines.IndexOf("```", at + 1);
            var block = string.Concat(lines[(at + 1)..end].Select(line => line + "\n"));
            at = end + 1;
            return block;
        }

        if (first[0] == '`')
        {
            at++;
            return first[1..first.LastIndexOf('`')];
        }

        if (first[0] is not ('{' or '['))
        {
            return null;
        }

        json = true;
        var text = new StringBuilder();
        do
        {
            text.Append(text.Length == 0 ? "" : "\n").Append(lines[at++]);
        }
        while (at < lines.Count && !JsonText.IsBalanced(text.ToString()));
        return text.ToString();
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^([A-Z]+) (\S+)$")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"^([A-Za-z][A-Za-z0-9-]*): ?(.*)$")]
    private static partial Regex HeaderLine();

    [GeneratedRegex("^(\\w+): (?:jsonpath \"([^\"]+)\"|header \"([^\"]+)\" regex \"([^\"]+)\")$")]
    private static partial Regex CaptureLine();

    [GeneratedRegex(@"^# clock \+([0-9.]+)(ms|s|m|h)$")]
    private static partial Regex ClockLine();

    /// <summary>A variable and where its value is found: by <paramref name="Path"/> in the body, or by <paramref name="Pattern"/> in a header.</summary>
    sealed record Captured(string Variable, string Line, string Path, string Header, string Pattern);

    /// <summary>One request and what is expected back.</summary>
    sealed class Entry
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

        static string HeaderOf(HttpResponseMessage response, string name) =>
            response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : "(absent)";
    }
}

/// <summary>A request and its answer, and where they are written.</summary>
internal sealed record Exchange(string Where, string Method, string Path, int Status, string Body);
