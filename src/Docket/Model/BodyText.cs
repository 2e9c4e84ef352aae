using System.Net;
using System.Text;

namespace Docket.Model;

/// <summary>What the server derives from the HTML of an activity's body (reference/objects-other-than-tickets.md 5).</summary>
internal static class BodyText
{
    // These end a line. Other tags are inside one.
    static readonly HashSet<string> Blocks = new(["address", "blockquote", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "table", "td", "th", "tr"], StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> Invisible = new(["head", "script", "style", "title"], StringComparer.OrdinalIgnoreCase);

    /// <summary>The text without tags, with one blank between words. Text that isn't HTML stays as it is, apart from white space.</summary>
    public static string PreviewOf(string html)
    {
        var text = new StringBuilder(html.Length);
        string? hiddenBy = null;
        for (var at = 0; at < html.Length;)
        {
            if (html[at] != '<' || EndOfTag(html, at) is not (var end and > 0))
            {
                if (hiddenBy is null)
                {
                    text.Append(html[at]);
                }

                at++;
                continue;
            }

            var name = NameOf(html.AsSpan(at, end - at));
            var closes = html[at + 1] == '/';
            hiddenBy = hiddenBy is null ? !closes && Invisible.Contains(name) ? name : null : closes && name.Equals(hiddenBy, StringComparison.OrdinalIgnoreCase) ? null : hiddenBy;
            if (Blocks.Contains(name))
            {
                text.Append(' ');
            }

            at = end;
        }

        return string.Join(' ', WebUtility.HtmlDecode(text.ToString()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The body as a document of its own.</summary>
    public static string DocumentOf(string html) => $"<html>\n<head></head>\n<body>\n{html}\n</body>\n</html>";

    // The position after a tag or comment; 0 if there is only a less-than sign.
    static int EndOfTag(string html, int at)
    {
        if (at + 1 == html.Length || !(char.IsAsciiLetter(html[at + 1]) || html[at + 1] is '/' or '!'))
        {
            return 0;
        }

        return html.AsSpan(at).StartsWith("<!--", StringComparison.Ordinal)
            ? html.IndexOf("-->", at + 4, StringComparison.Ordinal) is var last and >= 0 ? last + 3 : 0
            : html.IndexOf('>', at) + 1;
    }

    static string NameOf(ReadOnlySpan<char> tag)
    {
        var name = tag[1] == '/' ? tag[2..] : tag[1..];
        var length = 0;
        while (length < name.Length && char.IsAsciiLetterOrDigit(name[length]))
        {
            length++;
        }

        return name[..length].ToString();
    }
}
