using System.Collections.Immutable;
using System.Text.Json;
using Docket.Model;

namespace Docket.TestKit;

/// <summary>What the kit knows of a call while it is served. Only calls on HubSpot's paths with a token have one.</summary>
internal sealed class ObservedCall
{
    /// <summary>The most bytes of a body that the log keeps.</summary>
    public const int BodyMax = 64 * 1024;

    /// <summary>Whether the body is compressed on its way.</summary>
    public bool IsEncoded { get; init; }

    /// <summary>The body, once it is known that somebody may read it.</summary>
    public KeptBody? Body { get; set; }

    /// <summary>The fault that the call meets.</summary>
    public FaultRule? Fault { get; set; }

    /// <summary>The rows of the batch that the fault took out, by their indexes.</summary>
    public ImmutableArray<(int Index, RowError Error)> FailedRows { get; set; } = [];
}

/// <summary>What rules and filters compare of a call.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path without the query.</param>
/// <param name="TypeId">The id of the object type in the path, if there is one.</param>
/// <param name="AppId">The app of the token.</param>
/// <param name="Body">The body; <c>null</c> if it isn't JSON or was not kept.</param>
/// <param name="Status">The answer's status; <c>null</c> before there is one.</param>
/// <param name="IsBeyondLimit">Whether a limit of HubSpot's would have refused it; <c>null</c> before this is known.</param>
internal sealed record CallFacts(string Method, string Path, string? TypeId, long AppId, JsonElement? Body, int? Status = null, bool? IsBeyondLimit = null)
{
    /// <summary>Parses a body.</summary>
    /// <returns><c>null</c> if it isn't JSON.</returns>
    public static JsonElement? Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
