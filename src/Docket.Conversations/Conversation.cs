using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Docket.Conversations;

/// <summary>
/// A file in Hurl's syntax, of which it knows: method and address, headers, a body as JSON, <c>`text`</c> or a block
/// fenced by three backticks, <c>HTTP status</c>, expected headers, <c>[Captures]</c> by jsonpath or by header and regex, and the
/// expected body. Redirects are not followed.
/// Two things are stricter than in Hurl: an answer without a body must be empty, and a JSON body is compared byte for
/// byte once the expectation's white space is taken out. The comment <c># clock +5s</c> moves the server's clock.
/// The variables <c>docket</c>, the address, and <c>token</c> are there from the beginning.
/// </summary>
internal sealed partial class Conversation
{
    readonly List<string> lines;
    readonly List<Entry> entries = [];
    int at;

    Conversation(string file, IEnumerable<string> lines)
    {
        File = file;
        this.lines = [.. lines];
    }

    /// <summary>The file's name.</summary>
    public string File { get; }

    public static Conversation Parse(string file, IEnumerable<string> lines)
    {
        var conversation = new Conversation(file, lines);
        conversation.ParseEntries();
        return conversation;
    }

    /// <summary>The file's text, with the answers that <see cref="WriteAnswers"/> wrote into it.</summary>
    public override string ToString() => string.Join('\n', lines) + "\n";

    /// <summary>What is asked and what is expected back, with variables still as they are written: <c>{{id}}</c>.</summary>
    public IEnumerable<Exchange> Exchanges =>
        entries.Select(entry => new Exchange($"{File}:{entry.Line}", entry.Method, PathOf(entry.Url), entry.Status, entry.ExpectedBody));

    /// <summary>The lines of the file.</summary>
    public IReadOnlyList<string> Lines => lines;

    /// <summary>The requests in their order.</summary>
    public IReadOnlyList<Entry> Entries => entries;

    /// <summary>Writes the answers that were put into <see cref="Entry.Answer"/> into the file's text.</summary>
    public void WriteAnswers()
    {
        // From the last to the first, so that line numbers stay true.
        foreach (var entry in entries.AsEnumerable().Reverse())
        {
            lines.RemoveRange(entry.AnswerStart, entry.AnswerEnd - entry.AnswerStart);
            lines.InsertRange(entry.AnswerStart, entry.Answer);
        }
    }

    /// <summary>A text with the values of variables in place of their names; a name without a value stays.</summary>
    public static string Fill(string text, IReadOnlyDictionary<string, string> variables) =>
        Variable().Replace(text, match => variables.GetValueOrDefault(match.Groups[1].Value, match.Value));

    /// <summary>The names of the variables in a text.</summary>
    public static IEnumerable<string> VariablesIn(string text) => Variable().Matches(text).Select(match => match.Groups[1].Value);

    static string PathOf(string url) => url.Replace("{{docket}}", "", StringComparison.Ordinal).Split('?')[0];

    void ParseEntries()
    {
        var clock = TimeSpan.Zero;
        for (SkipTo(ref clock); at < lines.Count; SkipTo(ref clock))
        {
            var start = RequestLine().Match(lines[at]);
            if (!start.Success)
            {
                throw new FormatException($"{File}:{at + 1}: expected a method and an address, found: {lines[at]}");
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
}

/// <summary>A request and its answer, and where they are written.</summary>
internal sealed record Exchange(string Where, string Method, string Path, int Status, string Body);
