using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>The query of a read (reference/objects-and-batch.md 4.3, 4.6).</summary>
/// <param name="Properties">The properties to return.</param>
/// <param name="History">The properties to return with history; <c>null</c> for none.</param>
/// <param name="Archived">Archived records only, instead of active ones only.</param>
/// <param name="AsOf">Return the record as of this time, milliseconds since 1970; <c>null</c> for now. For reads of one record.</param>
internal sealed record ReadQuery(PropertySet Properties, PropertySet? History, bool Archived, long? AsOf)
{
    const int LimitDefault = 10, LimitMax = 100, LimitMaxWithHistory = 50;

    /// <summary>From the query of a single read or a list: properties with history are also returned among the properties.</summary>
    /// <exception cref="Refusal">400 for an <c>asOf</c> that is not a time.</exception>
    public static ReadQuery Of(HttpContext http, Schema schema)
    {
        var features = http.Call().Features;
        var names = http.QueryNames("properties");
        var history = http.QueryNames("propertiesWithHistory");
        var properties = SetOf(schema, SetOf(schema, names.IsEmpty && history.IsEmpty ? schema.ReadDefault : schema.ReadAlways, names, features), history);
        return new(properties, history.IsEmpty ? null : SetOf(schema, new PropertySet(schema), history), http.QueryFlag("archived"), AsOfIn(http));
    }

    /// <summary>The time in <c>asOf</c>, in the same format as times in a search: ISO 8601 or epoch milliseconds.</summary>
    /// <exception cref="Refusal">400 for anything else.</exception>
    public static long? AsOfIn(HttpContext http)
    {
        var text = http.Request.Query["asOf"].ToString();
        return text.Length == 0 ? null : Parse(text) ?? Parse(WithPlus(text)) ?? throw new Refusal(Faults.BadParameter("asOf"));

        static long? Parse(string text) => PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(text), PropertyValues.FractionMax);

        // An unencoded plus in an offset arrives as a blank.
        static string WithPlus(string text) => text.LastIndexOf(' ') is var blank and >= 0 ? $"{text[..blank]}+{text[(blank + 1)..]}" : text;
    }

    /// <summary>
    /// The existing properties of <paramref name="names"/>, in addition to <paramref name="always"/>. Unknown names are ignored, and so is
    /// <c>*</c> unless <paramref name="features"/> has <see cref="OptionalFeatures.AllProperties"/>.
    /// </summary>
    public static PropertySet SetOf(Schema schema, PropertySet always, IEnumerable<string?> names, OptionalFeatures features = OptionalFeatures.None)
    {
        var set = always.Copy();
        foreach (var name in names)
        {
            if (name == "*" && features.HasFlag(OptionalFeatures.AllProperties))
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

    /// <summary>The page size, 1 to 100, or to 50 with history.</summary>
    /// <exception cref="Refusal">400 if it is out of range.</exception>
    public int Limit(HttpContext http) => http.QueryLimit(LimitDefault, History is null ? LimitMax : LimitMaxWithHistory);
}
