using System.Globalization;

namespace Docket.Model;

/// <summary>
/// The number of an object type in keys and in the index: <c>n</c> for a standard type <c>0-n</c>, 8,192 + <c>n</c> for a custom type
/// <c>2-n</c>. Both ids count from 1 to 8,191. The rule never changes, because the numbers are stored.
/// </summary>
internal static class TypeNumber
{
    /// <summary>The largest number.</summary>
    public const int Max = (2 * Custom) - 1;

    /// <summary>The most custom types of a portal.</summary>
    public const int CustomMax = Custom - 1;

    const int Custom = 8_192;

    /// <summary>The number of the type with an id; <c>null</c> if the text is no such id, or doesn't fit.</summary>
    public static int? Parse(string id) =>
        id.Length > 2 && id[2] != '0' && int.TryParse(id.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n < Custom
            ? id[..2] switch { "0-" => n, "2-" => Custom + n, _ => null }
            : null;

    /// <summary>The number of a portal's next custom type, after all <paramref name="used"/> ones; <c>null</c> if there is none left.</summary>
    public static int? Next(IEnumerable<int> used) =>
        used.Where(number => number > Custom).DefaultIfEmpty(Custom).Max() is var last and < Max ? last + 1 : null;

    /// <summary>The id of the type with a number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No type can have it.</exception>
    public static string Format(int number) => number switch
    {
        > 0 and < Custom => $"0-{number}",
        > Custom and <= Max => $"2-{number - Custom}",
        _ => throw new ArgumentOutOfRangeException(nameof(number), number, "No object type has this number."),
    };
}
