using System.Text;

namespace Docket.Conversations;

/// <summary>JSON as text: changes the white space between its signs and nothing else, so that bytes can be compared.</summary>
internal static class JsonText
{
    /// <summary>An object or list of up to this many characters stays on one line.</summary>
    const int LineMax = 100;

    public static bool IsJson(string text) => text.Length > 0 && text[0] is '{' or '[';

    /// <summary>Whether every bracket that was opened is closed.</summary>
    public static bool IsBalanced(string text)
    {
        var depth = 0;
        foreach (var (sign, inText) in Signs(text))
        {
            depth += inText ? 0 : sign is '{' or '[' ? 1 : sign is '}' or ']' ? -1 : 0;
        }

        return depth == 0;
    }

    public static string Compact(string text) =>
        string.Concat(Signs(text).Where(entry => entry.InText || !char.IsWhiteSpace(entry.Sign)).Select(entry => entry.Sign));

    /// <summary>Two spaces a level; what is already white space outside of texts stays and so shows in a comparison.</summary>
    public static string Indent(string text)
    {
        var indented = new StringBuilder();
        var depth = 0;
        var skipTo = 0;
        var at = -1;
        foreach (var (sign, inText) in Signs(text))
        {
            at++;
            if (at < skipTo)
            {
                continue;
            }

            if (inText || sign is not ('{' or '[' or '}' or ']' or ',' or ':'))
            {
                indented.Append(sign);
            }
            else if (sign == ':')
            {
                indented.Append(": ");
            }
            else if (sign == ',')
            {
                indented.Append(',').Append('\n').Append(' ', 2 * depth);
            }
            else if (sign is '}' or ']')
            {
                indented.Append('\n').Append(' ', 2 * --depth).Append(sign);
            }
            else if (depth > 0 && ShortEnd(text, at) is { } end)
            {
                indented.Append(text, at, end - at);
                skipTo = end;
            }
            else
            {
                indented.Append(sign).Append('\n').Append(' ', 2 * ++depth);
            }
        }

        return indented.ToString();
    }

    /// <summary>Shows the lines that differ, with those around them: <c>-</c> was expected, <c>+</c> came.</summary>
    public static string Difference(List<string> expected, List<string> found)
    {
        const int Around = 3;
        var shorter = Math.Min(expected.Count, found.Count);
        var start = 0;
        while (start < shorter && expected[start] == found[start])
        {
            start++;
        }

        var end = 0;
        while (end < shorter - start && expected[^(end + 1)] == found[^(end + 1)])
        {
            end++;
        }

        return string.Join('\n',
        [
            .. expected[Math.Max(0, start - Around)..start].Select(line => "  " + line),
            .. expected[start..^end].Select(line => "- " + line),
            .. found[start..^end].Select(line => "+ " + line),
            .. expected[^end..].Take(Around).Select(line => "  " + line),
        ]);
    }

    /// <summary>The end of the object or list that starts here, when it fits on a line.</summary>
    static int? ShortEnd(string text, int start)
    {
        for (var end = start + 2; end <= Math.Min(text.Length, start + LineMax); end++)
        {
            if (text[end - 1] is '}' or ']' && IsBalanced(text[start..end]))
            {
                return end;
            }
        }

        return null;
    }

    static IEnumerable<(char Sign, bool InText)> Signs(string text)
    {
        var inText = false;
        for (var i = 0; i < text.Length; i++)
        {
            var sign = text[i];
            yield return (sign, inText || sign == '"');
            if (inText && sign == '\\' && i + 1 < text.Length)
            {
                yield return (text[++i], true);
            }
            else if (sign == '"')
            {
                inText = !inText;
            }
        }
    }
}
