using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Docket.Cli;

/// <summary>Numeric arguments and options, with a clear message for invalid ones.</summary>
internal static class Numbers
{
    public static Argument<long> Argument(string name, string description) =>
        new(name) { Description = description, CustomParser = result => Parse(result, name) ?? 0 };

    public static Option<long?> Option(string name, string description) =>
        new(name) { Description = description, CustomParser = result => Parse(result, name) };

    /// <summary>An option from <paramref name="min"/> to <paramref name="max"/>, by default <paramref name="unset"/> or <paramref name="min"/>.</summary>
    public static Option<int> Option(string name, string description, int min, int max, int? unset = null) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => unset ?? min,
        CustomParser = result =>
        {
            if (Parse(result, name) is { } number && (number < min || number > max))
            {
                result.AddError($"{name} is {min} to {max}.");
                return min;
            }

            return (int)(Parse(result, name) ?? min);
        },
    };

    static long? Parse(ArgumentResult result, string name)
    {
        var text = result.Tokens[0].Value;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        if (!result.Errors.Any())
        {
            result.AddError($"\"{text}\" is not a valid number for {name}.");
        }

        return null;
    }
}
