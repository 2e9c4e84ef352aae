using Docket.Model;

namespace Docket.Stores;

/// <summary>A point in the past: before all changes with a greater number or a later time.</summary>
internal readonly record struct Point(long Sequence, long Time)
{
    public bool IsBefore(long sequence, long time) => sequence > Sequence || time > Time;
}

/// <summary>Which change set each value of a record, by property number, now or before some changes. Their values are read from there.</summary>
internal static class Setters
{
    /// <summary>Those of a record as it is.</summary>
    public static SortedDictionary<int, long> Of(Record record)
    {
        var setters = new SortedDictionary<int, long>();
        var values = new ValueReader(record.Values.Span);
        while (values.Next())
        {
            setters[values.Number] = record.FirstChange + values.Link;
        }

        return setters;
    }

    /// <summary>Goes back before a change: replaces it by the changes that had set its values.</summary>
    public static SortedDictionary<int, long> Before(SortedDictionary<int, long> setters, long sequence, ReadOnlySpan<byte> content)
    {
        var values = new ValueReader(content);
        while (values.Next())
        {
            if (values.Link == 0)
            {
                setters.Remove(values.Number);
            }
            else
            {
                setters[values.Number] = sequence - values.Link;
            }
        }

        return setters;
    }
}
