using System.Text.RegularExpressions;
using Docket.Conversations;
using Docket.Http;

namespace Docket.Tests.Conversations;

/// <summary>
/// The conversations about v3, held on every dated path: the answers are the same but for the paths in them and what
/// reference/objects-and-batch.md 7 knows to be different. <c>dated.hurl</c> shows the differences themselves.
/// </summary>
public sealed partial class VersionTests
{
    static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Conversations");

    public static MatrixTheoryData<string, string> Conversations => new(
        Directory.GetFiles(Folder, "*.hurl").Where(file => VersionThree().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal),
        ApiVersion.All.Select(version => version.Name).Where(name => name != "v3"));

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Conversations))]
    public async Task Answers_on_v3_and_on_dated_paths_are_alike(string file, string name)
    {
        var version = ApiVersion.All.Single(version => version.Name == name);
        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, file), TestContext.Current.CancellationToken);
        await using var server = await TestServer.StartAsync();
        var mismatches = await Conversation.Parse(file, Translate(lines, version)).PlayAsync(server, update: false);
        Assert.True(mismatches.Count == 0, string.Join("\n\n", mismatches));
    }

    static string[] Translate(string[] lines, ApiVersion version)
    {
        var text = VersionThree().Replace(string.Join('\n', lines), match => version.Prefix(match.Groups[1].Value));
        return (version.ShowsUnset ? text : Answer().Replace(text, answer => WithoutUnset(answer.Value))).Split('\n');
    }

    // A whole line that says null, and the comma before it when it was the last of its object.
    static string WithoutUnset(string answer) => DanglingComma().Replace(UnsetLine().Replace(answer, ""), "$1");

    // The associations of v3 have no dated form: dated paths have those of v4 (reference/objects-other-than-tickets.md 8.1).
    [GeneratedRegex(@"/crm/v3/(?!\S*associations/)(\w+)")]
    private static partial Regex VersionThree();

    // Docket's own paths have no versions, and answers about associations have no properties.
    [GeneratedRegex(@"(?<=^[A-Z]+ \{\{docket\}\}/crm/(?!associations/).*\n(?:(?!HTTP \d).*\n)*)HTTP \d+\n(?:.+\n?)*", RegexOptions.Multiline)]
    private static partial Regex Answer();

    [GeneratedRegex(@"^ *""(?!startedAt|completedAt)\w+"": null,?\n", RegexOptions.Multiline)]
    private static partial Regex UnsetLine();

    [GeneratedRegex(@",(\n *\})")]
    private static partial Regex DanglingComma();
}
