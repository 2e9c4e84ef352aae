using System.Text.RegularExpressions;

namespace Docket.Tests.Compatibility;

/// <summary>
/// Says that a test holds a behaviour of HubSpot's: a row of the table in docs/behaviours.md. In a conversation the
/// comment <c># holds: endpoint | behaviour | evidence | section</c> says the same.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class BehaviourAttribute(string endpoint, string behaviour, string evidence, string section) : Attribute
{
    public Behaviour HeldBy(string? test) => new(endpoint, behaviour, evidence, section, test);
}

/// <param name="Endpoint">The heading of the row.</param>
/// <param name="Text">What holds, in a few words.</param>
/// <param name="Evidence">How it is known: <c>spec</c>, <c>docs</c>, <c>observed</c>, <c>inferred</c> or <c>decide</c>, or several.</param>
/// <param name="Section">File and section of the reference: <c>objects-and-batch.md 9.1</c>; more sections after commas.</param>
/// <param name="HeldBy">The test class or conversation; <c>null</c> when nothing holds it yet.</param>
internal sealed partial record Behaviour(string Endpoint, string Text, string Evidence, string Section, string? HeldBy)
{
    static readonly string[] Evidences = ["spec", "docs", "observed", "inferred", "decide"];

    public static Behaviour OfComment(string file, string line) =>
        line["# holds: ".Length..].Split(" | ") is [var endpoint, var text, var evidence, var section]
            ? new(endpoint, text, evidence, section, file)
            : throw new FormatException($"{file}: expected endpoint | behaviour | evidence | section: {line}");

    /// <summary>The place of the first section, for sorting: 9.2 comes before 9.10.</summary>
    public (string File, int Chapter, int Section) Place =>
        Sections().Match(Section) is { Success: true } place && Evidence.Split(", ").All(Evidences.Contains) && !Text.Contains('|')
            ? (place.Groups[1].Value, int.Parse(place.Groups[2].Value), place.Groups[3].Success ? int.Parse(place.Groups[3].Value) : 0)
            : throw new FormatException($"evidence or section of this is none: {Endpoint} | {Text} | {Evidence} | {Section}"); // not {this}, which prints this place

    [GeneratedRegex(@"^([a-z-]+\.md) (\d+)(?:\.(\d+))?(?:, \d+(?:\.\d+)?)*$")]
    private static partial Regex Sections();
}
