using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>What a read asks for, from its query (reference/objects-and-batch.md 4.3, 4.6).</summary>
/// <param name="Properties">The properties to show.</param>
/// <param name="History">The properties to show with history; <c>null</c> for none.</param>
/// <param name="Archived">Archived records only, instead of active ones only.</param>
/// <param name="AsOf">Show the record as it was at this moment, milliseconds since 1970; <c>null</c> for now. For reads of one record.</param>
internal sealed record ReadQuery(PropertySet Properties, PropertySet? History, bool Archived, long? AsOf)
{
    const int LimitDefault = 10, LimitMax = 100, LimitMaxWithHistory = 50;

    /// <summary>From the query of a single read or a list: what is asked for with history is shown among the properties too.</summary>
    /// <exception cref="Refusal">400 for an <c>asOf</c> that is no moment.</exception>
    public static ReadQuery Of(HttpContext http, Schema schema)
    {
        var helps = http.Call().Helps;
        var names = http.QueryNames("properties");
        var history = http.QueryNames("propertiesWithHistory");
        var properties = SetOf(schema, SetOf(schema, names.IsEmpty && history.IsEmpty ? schema.ReadDefault : schema.ReadAlways, names, helps), history);
        return new(properties, history.IsEmpty ? null : SetOf(schema, new PropertySet(schema), history), http.QueryFlag("archived"), Moment(http.Request, "asOf"));
    }

    // Written as the moments in a search are: ISO 8601 or epoch milliseconds.
    static long? Moment(HttpRequest request, string parameter)
    {
        var text = request.Query[parameter].ToString();
        return text.Length == 0 ? null : Parse(text) ?? Parse(WithPlus(text)) ?? throw new Refusal(Faults.BadParameter(parameter));

        static long? Parse(string text) => PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(text), PropertyValues.FractionMax);

        // The plus of an offset that the client didn't encode arrives as a blank.
        static string WithPlus(string text) => text.LastIndexOf(' ') is var blank and >= 0 ? $"{text[..blank]}+{text[(blank + 1)..]}" : text;
    }

    /// <summary>
    /// The properties of <paramref name="names"/> that exist, on top of <paramref name="always"/>; unknown names are passed
    /// over, and so is <c>*</c> unless <paramref name="helps"/> has <see cref="Help.AllProperties"/>.
    /// </summary>
    public static PropertySet SetOf(Schema schema, PropertySet always, IEnumerable<string?> names, Help helps = Help.None)
    {
        var set = always.Copy();
        foreach (var name in names)
        {
            if (name == "*" && helps.HasFlag(Help.AllProperties))
            {
                return PropertySet.Everything(schema);
            }

            if (name is not null && schema.Find(name) is { } property)
            {
                set.Add(property);
            }
        }

        return set;
    }

    /// <summary>The size of a page, 1 to 100, or to 50 with history.</summary>
    /// <exception cref="Refusal">400 outside of that.</exception>
    public int Limit(HttpContext http) => http.QueryLimit(LimitDefault, History is null ? LimitMax : LimitMaxWithHistory);
}
