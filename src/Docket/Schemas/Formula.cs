namespace Docket.Schemas;

/// <summary>
/// The properties in a calculation formula (reference/properties-pipelines-search-associations.md 1.10). Formulas are stored
/// and returned as sent.
/// </summary>
internal static class Formula
{
    static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        "if", "then", "elseif", "else", "endif", "and", "or", "not", "equals", "contains", "is_present", "is_known", "true", "false", "null",

        // The format of HubSpot's formula editor: [properties.amount].
        "properties",
    };

    /// <summary>The names in a formula that are not keywords, functions or inside quotes.</summary>
    public static IEnumerable<string> Properties(string formula)
    {
        var at = 0;
        while (at < formula.Length)
        {
            var first = formula[at];
            if (first is '\'' or '"')
            {
                var end = formula.IndexOf(first, at + 1);
                at = end < 0 ? formula.Length : end + 1;
            }
            else if (char.IsAsciiLetterOrDigit(first) || first == '_')
            {
                var start = at;
                while (at < formula.Length && (char.IsAsciiLetterOrDigit(formula[at]) || formula[at] == '_'))
                {
                    at++;
                }

                var name = formula[start..at];
                var function = formula.AsSpan(at).TrimStart().StartsWith("(");
                if (!function && !char.IsAsciiDigit(first) && !Words.Contains(name))
                {
                    yield return name;
                }
            }
            else
            {
                at++;
            }
        }
    }
}
