using System.Text.Json.Serialization;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>The body of a batch read (reference/objects-and-batch.md 4.8).</summary>
internal sealed record BatchReadRequest
{
    /// <summary>Most inputs when history is asked for.</summary>
    const int InputsMaxWithHistory = 50;

    public List<BatchReadInput?>? Inputs { get; init; }

    public List<string?>? Properties { get; init; }

    public List<string?>? PropertiesWithHistory { get; init; }

    public string? IdProperty { get; init; }

    /// <summary>Reads and checks the body.</summary>
    /// <exception cref="Refusal">400.</exception>
    public static async Task<BatchReadRequest> ReadAsync(HttpContext http)
    {
        var request = await RequestBody.ReadJsonAsync(http, ObjectsJson.Default.BatchReadRequest);
        if (request.Inputs is not { } inputs)
        {
            throw new Refusal(Faults.RequiredFieldsMissing(1, 2, "inputs"));
        }

        if (inputs.Count == 0)
        {
            throw new Refusal(Faults.NoInputs());
        }

        if (inputs.Exists(input => input?.Id is null))
        {
            throw new Refusal(Faults.RequiredFieldsMissing(1, 2, "id"));
        }

        if (request.PropertiesWithHistory is { Count: > 0 } && inputs.Count > InputsMaxWithHistory)
        {
            throw new Refusal(Faults.TooManyInputsWithHistory(InputsMaxWithHistory));
        }

        if (inputs.FindIndex(input => input?.Id is null) is var index and >= 0)
        {
            throw new Refusal(Faults.RequiredFieldsMissing(1, 2, $"inputs[{index}].id"));
        }

        return inputs.Count <= Validation.InputsMax ? request : throw new Refusal(Faults.TooManyInputs(Validation.InputsMax));
    }
}

/// <summary>One record asked for.</summary>
internal sealed record BatchReadInput
{
    public string? Id { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(TextConverter)])]
[JsonSerializable(typeof(BatchReadRequest))]
[JsonSerializable(typeof(MergeRequest))]
[JsonSerializable(typeof(GdprDeleteRequest))]
internal sealed partial class ObjectsJson : JsonSerializerContext;
