using Docket.Http;
using Docket.Model;

namespace Docket.Associations;

/// <summary>One record whose associations a batch reads.</summary>
internal sealed class ReadInput
{
    static readonly JsonShape<ReadInput> Shape = new(
        null,
        ["id"],
        ("id", (input, ref json) => input.Id = json.Text()!),
        ("after", (input, ref json) => input.After = Between.ParseId(json.Text() ?? "0") ?? throw new Refusal(Faults.BadBodyParameter("after"))));

    static readonly JsonShape<SentBatch> BatchShape = new(null, ["inputs"], ("inputs", (batch, ref json) => batch.Inputs = json.List("an array of inputs", static (ref json) => Shape.Read(ref json))));

    /// <summary>The record's id.</summary>
    public string Id { get; set; } = "";

    /// <summary>The id of the associated record after which the page begins; 0 for the first page.</summary>
    public long After { get; set; }

    /// <summary>Reads the inputs of a batch.</summary>
    /// <exception cref="Refusal">400 with line and column; 400 for none or too many.</exception>
    public static List<ReadInput> ReadBatch(RequestBody body, int inputsMax) =>
        JsonCursor.Read(body, static (ref json) => BatchShape.Read(ref json)).Inputs switch
        {
            null or { Count: 0 } => throw new Refusal(Faults.NoInputs()),
            var inputs when inputs.Count > inputsMax => throw new Refusal(Faults.TooManyInputs(inputsMax)),
            var inputs => inputs,
        };

    sealed class SentBatch
    {
        public List<ReadInput>? Inputs { get; set; }
    }
}
