using Docket.Model;

namespace Docket.Http;

/// <summary>Reads one member into <paramref name="target"/>.</summary>
internal delegate void JsonMember<in T>(T target, ref JsonCursor json);

/// <summary>
/// The members of a JSON object: each by its name, with its reader. Unknown members are ignored, as HubSpot does. In Docket's own bodies
/// they are refused, because a misspelled one would otherwise silently do nothing.
/// </summary>
/// <param name="builds">HubSpot's name for the object if members are missing (reference/properties-pipelines-search-associations.md 1.5); <c>null</c> for the general form (reference/objects-and-batch.md 3.4).</param>
/// <param name="required">The members that must be present and not null.</param>
/// <param name="members">All known members.</param>
internal sealed class JsonShape<T>(string? builds, string[] required, params (string Name, JsonMember<T> Read)[] members)
    where T : new()
{
    readonly Dictionary<string, JsonMember<T>> known = members.ToDictionary(member => member.Name, member => member.Read, StringComparer.Ordinal);

    /// <summary>Whether unknown members are refused.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Reads the current object.</summary>
    /// <exception cref="Refusal">400: it is not an object, or lacks a required member.</exception>
    public T Read(ref JsonCursor json)
    {
        json.BeginObject();
        var (start, thing) = (json.At, new T());
        var missing = required.ToHashSet(StringComparer.Ordinal);
        while (json.NextMember() is { } name)
        {
            if (!known.TryGetValue(name, out var read))
            {
                if (IsClosed)
                {
                    var (line, column) = json.Position;
                    throw new Refusal(Faults.UnknownMember(line, column, name, known.Keys));
                }

                json.SkipUnread(known.Keys);
                continue;
            }

            // If a member is repeated, the last one wins, even if it is null.
            _ = json.IsNull && required.Contains(name) ? missing.Add(name) : missing.Remove(name);
            read(thing, ref json);
        }

        return missing.Count == 0 ? thing : throw Incomplete(ref json, start, string.Join(", ", required.Where(missing.Contains)));
    }

    Refusal Incomplete(ref JsonCursor json, long start, string names)
    {
        var (line, column) = json.Position;
        return builds is null ? json.Missing(start, names) : new(Faults.CannotBuild(line, column, builds, names));
    }
}
