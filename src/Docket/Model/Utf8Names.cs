using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Docket.Model;

/// <summary>
/// Compares names ordinally, and allows lookups by UTF-8 bytes in a dictionary or set of strings, so that names in a request are
/// never converted to strings.
/// </summary>
internal sealed class Utf8Names : IEqualityComparer<string>, IAlternateEqualityComparer<ReadOnlySpan<byte>, string>
{
    public static readonly Utf8Names Comparer = new();

    public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

    public int GetHashCode(string name)
    {
        var length = Encoding.UTF8.GetMaxByteCount(name.Length);
        Span<byte> bytes = length <= 512 ? stackalloc byte[length] : new byte[length];
        return GetHashCode(bytes[..Encoding.UTF8.GetBytes(name, bytes)]);
    }

    public bool Equals(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < name.Length)
        {
            return false;
        }

        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] > 127 || bytes[i] > 127)
            {
                return Encoding.UTF8.GetString(bytes) == name;
            }

            if (bytes[i] != name[i])
            {
                return false;
            }
        }

        return bytes.Length == name.Length;
    }

    public int GetHashCode([DisallowNull] ReadOnlySpan<byte> bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    public string Create(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
