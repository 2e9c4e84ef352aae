using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Docket.OAuth;

/// <summary>Markup. Interpolated text is escaped; only other markup is inserted unchanged.</summary>
[InterpolatedStringHandler]
internal readonly struct Html
{
    readonly StringBuilder text;

    public Html(int literalLength, int formattedCount) => text = new(literalLength + (32 * formattedCount));

    public void AppendLiteral(string markup) => text.Append(markup);

    public void AppendFormatted(string value) => text.Append(WebUtility.HtmlEncode(value));

    public void AppendFormatted(long number) => text.Append(number);

    public void AppendFormatted(Html markup) => text.Append(markup.text);

    public void AppendFormatted(IEnumerable<Html> markup)
    {
        foreach (var one in markup)
        {
            text.Append(one.text);
        }
    }

    public override string ToString() => text.ToString();
}
