using System.Text.Json.Nodes;

namespace Docket.Conversations;

/// <summary>Finds values by paths of names and indices: <c>$.results[0].id</c>, <c>results[0].id</c>.</summary>
internal static class JsonPath
{
    public static JsonNode? Find(JsonNode? node, string path)
    {
        foreach (var step in path.TrimStart('$').Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            node = (node, step[^1] == ']') switch
            {
                (JsonArray entries, true) when int.Parse(step[..^1]) is var index && index < entries.Count => entries[index],
                (JsonObject members, false) => members[step],
                _ => null,
            };
        }

        return node;
    }
}
