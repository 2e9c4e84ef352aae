using Docket.Model;

namespace Docket.Http;

/// <summary>Reads one member into <paramref name="target"/>.</summary>
internal delegate void JsonMember<in T>(T target, ref JsonCursor json);

/// <summary>
/// What a JSON object may hold: each member by its name, with the way it is read. Others are ignored, as HubSpot ignores
/// them; in Docket's own bodies they are refused, where a misspelt one would otherwise do nothing silently.
/// </summary>
/// <param name="builds">What HubSpot calls the object when members are missing (reference/properties-pipelines-search-associations.md 1.5); <c>null</c> for the general form (reference/objects-and-batch.md 3.4).</param>
/// <param name="required">The members that must be there and not be null.</param>
/// <param name="members">All that are known.</param>
internal sealed class JsonShape<T>(string? builds, string[] required, params (string Name, JsonMember<T> Read)[] members)
    where T : new()
{
    readonly Dictionary<string, JsonMember<T>> known = members.ToDictionary(member => member.Name, member => member.Read, StringComparer.Ordinal);

    /// <summary>Whether members that are not known are refused.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Reads the object at which the cursor stands.</summary>
    /// <exception cref="Refusal">400: it is none, or lacks a required member.</exception>
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

                json.Skip();
                continue;
            }

            // Of a member that comes twice the last one counts, null too.
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
