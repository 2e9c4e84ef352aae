using System.Text.RegularExpressions;

namespace Docket.Tests.Tidy;

/// <summary>Rules of the house that a compiler doesn't hold: calls with a better way, and texts. The walls are in <see cref="WallTests"/>.</summary>
public sealed partial class TidyTests
{
    /// <summary>What is not called, and what to use in its place.</summary>
    static readonly (string Call, string Instead)[] Banned =
    [
        (@"\bDateTime(Offset)?\.(UtcNow|Now|Today)\b", "the TimeProvider that DocketServer passes on: tests set the clock"),
        (@"\bTimeProvider\.System\b", "the TimeProvider that DocketServer passes on: tests set the clock"),
        (@"\bGuid\.(NewGuid|CreateVersion7)\b", "the source of ids that DocketServer passes on: tests know them beforehand"),
        (@"\bRandom\.Shared\b|\bnew Random\(", "RandomNumberGenerator for secrets; anything else gets its randomness from DocketServer"),
        (@"\bThread\.Sleep\b", "await, or wait on what ends the wait"),
        (@"\.GetAwaiter\(\)\s*\.GetResult\(\)|Async\([^()]*\)\.(Result|Wait\(\))", "await: a blocked thread of the pool can block them all"),
        (@"\basync void\b", "async Task: nobody sees the exception of async void"),
        (@"\bConsole\.", "ILogger; only the command line has a console"),
        (@"\bEnvironment\.(Exit|FailFast)\b", "an exception: only the command line ends the process"),
        (@"\.To(Lower|Upper)\(\)", "ToLowerInvariant, ToUpperInvariant or an ordinal comparison"),
        (@"#region\b|#pragma warning disable\b", "a smaller type; or fix the warning, or say in .editorconfig why it doesn't help"),
        (@"(?<!"")\b(TODO|FIXME|HACK|XXX)\b", "doing it, or an issue"), // as a value of HubSpot's it is in quotes
    ];

    [Fact]
    public void Only_the_room_of_SQLite_calls_its_library() =>
        Assert.DoesNotContain(House.Files, file => House.RoomOf(file) != "Sqlite" && House.TextOf(file).Contains("SQLitePCL", StringComparison.Ordinal));

    [Fact]
    public void The_command_line_names_no_engine() =>
        Assert.DoesNotContain(House.SourcesOf(Path.Combine(House.Root, "src", "Docket.Cli")), file => File.ReadAllText(file).Contains("Sqlite", StringComparison.Ordinal));

    [Fact]
    public void Calls_with_a_better_way_are_not_made()
    {
        var breaches = from file in House.Files
                       where file is not ("DocketServer.cs" or "DocketOptions.cs")
                       from line in House.TextOf(file).Split('\n').Select((text, i) => (Text: text, Number: i + 1))
                       from rule in Banned
                       where Regex.IsMatch(rule.Call.Contains("TODO", StringComparison.Ordinal) ? line.Text : WithoutComment(line.Text), rule.Call)
                       select $"{file}:{line.Number}: {line.Text.Trim()}\n  instead: {rule.Instead}";
        Assert.Empty(breaches);
    }

    [Fact]
    public void Docs_code_and_conversations_end_their_lines_alike()
    {
        var files = ((string[])["src", "tests", "docs"]).Select(folder => Path.Combine(House.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => !BuildFolder().IsMatch(file) && Path.GetExtension(file) is ".cs" or ".hurl" or ".sql" or ".mjs" or ".md");
        Assert.Empty(files.Where(file => !BuildFolder().IsMatch(file) && File.ReadAllText(file) is var text && (text.Contains('\r') || !text.EndsWith('\n'))).Select(file => Path.GetRelativePath(House.Root, file)));
    }

    static string WithoutComment(string line) => Comment().Replace(line, "");

    // Not the two slashes of an address inside a text.
    [GeneratedRegex(@"(?<!:)//.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"[\\/](bin|obj|node_modules)[\\/]")]
    private static partial Regex BuildFolder();
}
