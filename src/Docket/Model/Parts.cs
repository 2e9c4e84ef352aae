using System.Text;

namespace Docket.Model;

/// <summary>Values of several parts, separated by <c>;</c>.</summary>
internal static class Parts
{
    /// <summary>The parts that differ from one value.</summary>
    public static ReadOnlyMemory<byte> Without(ReadOnlyMemory<byte> parts, ReadOnlyMemory<byte> one)
    {
        if (one.IsEmpty || parts.Span.IndexOf(one.Span) < 0)
        {
            return parts;
        }

        var left = Encoding.UTF8.GetString(one.Span);
        return Encoding.UTF8.GetBytes(string.Join(';', Encoding.UTF8.GetString(parts.Span).Split(';').Where(part => part != left)));
    }
}
