using System.Collections.Immutable;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Associations;

/// <summary>One input of a batch of associations, as it was sent.</summary>
internal sealed class RecordPair
{
    static readonly JsonShape<SentId> IdShape = new(null, ["id"], ("id", (sent, ref json) => sent.Id = json.Text()));

    static readonly JsonShape<RecordPair> Shape = new(
        null,
        ["from", "to"],
        ("from", (pair, ref json) => pair.From = IdShape.Read(ref json).Id!),
        ("to", (pair, ref json) => pair.To = json.TokenType == JsonTokenType.StartArray ? json.List("a list of records", static (ref json) => IdShape.Read(ref json).Id!)! : [IdShape.Read(ref json).Id!]),
        ("type", (pair, ref json) => pair.Type = json.Text()),
        ("types", (pair, ref json) => pair.Types = AssociationSpecs.Read(ref json)));

    static readonly JsonShape<SentBatch> BatchShape = new(null, ["inputs"], ("inputs", (batch, ref json) => batch.Inputs = json.List("an array of inputs", static (ref json) => Shape.Read(ref json))));

    /// <summary>The id of the one record.</summary>
    public string From { get; private set; } = "";

    /// <summary>The ids of the others: one, except where a batch ends associations.</summary>
    public List<string> To { get; private set; } = [];

    /// <summary>The type in v3: a name or a number.</summary>
    public string? Type { get; private set; }

    /// <summary>The types in v4.</summary>
    public ImmutableArray<(string Category, int Id)> Types { get; private set; } = [];

    /// <summary>Reads the inputs of a batch.</summary>
    /// <exception cref="Refusal">400 with line and column; 400 for none or too many.</exception>
    public static List<RecordPair> ReadBatch(RequestBody body, int inputsMax) =>
        JsonCursor.Read(body, static (ref json) => BatchShape.Read(ref json)).Inputs switch
        {
            null or { Count: 0 } => throw new Refusal(Faults.NoInputs()),
            var inputs when inputs.Count > inputsMax => throw new Refusal(Faults.TooManyInputs(inputsMax)),
            var inputs => inputs,
        };

    sealed class SentId
    {
        public string? Id { get; set; }
    }

    sealed class SentBatch
    {
        public List<RecordPair>? Inputs { get; set; }
    }
}
