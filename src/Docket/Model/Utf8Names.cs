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

    // Text that is not ASCII has more bytes than characters.
    public bool Equals(ReadOnlySpan<byte> bytes, string name) =>
        bytes.Length == name.Length ? Ascii.Equals(bytes, name) : bytes.Length > name.Length && Encoding.UTF8.GetString(bytes) == name;

    public int GetHashCode([DisallowNull] ReadOnlySpan<byte> bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    public string Create(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
