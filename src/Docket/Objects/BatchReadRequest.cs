using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>The body of a batch read (reference/objects-and-batch.md 4.8).</summary>
internal sealed record BatchReadRequest
{
    /// <summary>Most inputs if history is requested.</summary>
    const int InputsMaxWithHistory = 50;

    static readonly JsonShape<BatchReadRequest> Shape = new(
        null,
        ["inputs"],
        ("inputs", (request, ref json) => request.Ids = request.Ids is null ? ReadIds(ref json) : throw json.Refuse(Faults.InputsTwice)),
        ("properties", (request, ref json) => request.Properties = json.Texts("a list of names") ?? []),
        ("propertiesWithHistory", (request, ref json) => request.PropertiesWithHistory = json.Texts("a list of names") ?? []),
        ("idProperty", (request, ref json) => request.IdProperty = json.Text()));

    /// <summary>The requested records.</summary>
    public List<string>? Ids { get; set; }

    public List<string> Properties { get; set; } = [];

    public List<string> PropertiesWithHistory { get; set; } = [];

    public string? IdProperty { get; set; }

    /// <summary>Reads and checks the body.</summary>
    /// <exception cref="Refusal">400.</exception>
    public static async Task<BatchReadRequest> ReadAsync(HttpContext http)
    {
        var request = await RequestBody.ReadJsonAsync(http, Shape.Read);
        return request.Ids!.Count == 0 ? throw new Refusal(Faults.NoInputs())
            : request.PropertiesWithHistory.Count > 0 && request.Ids.Count > InputsMaxWithHistory ? throw new Refusal(Faults.TooManyInputsWithHistory(InputsMaxWithHistory))
            : request.Ids.Count > Validation.InputsMax ? throw new Refusal(Faults.TooManyInputs(Validation.InputsMax))
            : request;
    }

    static readonly string[] InputMembers = ["id"];

    static List<string>? ReadIds(ref JsonCursor json)
    {
        if (json.IsNull)
        {
            return null;
        }

        json.BeginList("an array of inputs");
        var ids = new List<string>();
        while (json.NextItem())
        {
            json.BeginObject();
            var (start, id) = (json.At, (string?)null);
            while (json.NextMember() is { } name)
            {
                if (name == "id")
                {
                    id = json.Text();
                }
                else
                {
                    json.SkipUnread(InputMembers);
                }
            }

            ids.Add(id ?? throw json.Missing(start, $"inputs[{ids.Count}].id"));
        }

        return ids;
    }
}
