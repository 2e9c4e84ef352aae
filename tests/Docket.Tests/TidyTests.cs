using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Docket.Tests;

/// <summary>Rules of the house that a compiler doesn't hold: the walls between rooms, and calls with a better way.</summary>
public sealed partial class TidyTests
{
    /// <summary>The folder of the repository.</summary>
    internal static readonly string Root = RootFolder();

    static readonly string Library = Path.Combine(Root, "src", "Docket");

    static readonly string[] Words = ["Model"], Heart = ["Model", "Writes"], Engine = ["Model", "Writes", "Stores", "Watch"];

    /// <summary>A feature sees what all share, and <c>Access</c> for the scope its endpoints need; not another feature and no engine.</summary>
    static readonly string[] Feature = ["Model", "Writes", "Stores", "Watch", "Http", "Access"];

    /// <summary>A feature that tells how much was called.</summary>
    static readonly string[] AboutCalls = [.. Feature, "Limits"];

    /// <summary>A feature that answers with records shows them as <c>Objects</c> does.</summary>
    static readonly string[] AboutRecords = [.. Feature, "Objects"];

    /// <summary>The rooms of the library and what each may look into besides itself. Rooms see inwards.</summary>
    static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Model"] = [],
        ["Writes"] = Words,
        ["Stores"] = Heart,
        ["Watch"] = Heart, // the rest of the house counts on it
        ["Stores.Sqlite"] = Engine,
        ["Stores.Sqlite.Index"] = [.. Engine, "Stores.Sqlite"],
        ["Http"] = ["Model", "Stores", "Watch"],
        ["Limits"] = ["Model", "Stores", "Watch", "Http"],
        ["Access"] = ["Model", "Stores", "Watch", "Http", "Limits"],
        ["Account"] = AboutCalls,
        ["Objects"] = Feature,
        ["Admin"] = AboutCalls,
        ["OAuth"] = Feature,
        ["Changes"] = Feature,
        ["Schemas"] = Feature,
        ["Owners"] = Feature,
        ["Jobs"] = AboutRecords, // a job reads its inputs and tells their results as a batch does
        ["Search"] = AboutRecords,
    };

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
        (@"\b(TODO|FIXME|HACK|XXX)\b", "doing it, or an issue"),
    ];

    public static TheoryData<string> Folders => [.. Sources().Select(RoomOf).Where(room => room.Length > 0).Distinct().Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_room_looks_only_inwards(string room)
    {
        Assert.True(Rooms.TryGetValue(room, out var visible), $"The room {room} has no entry in TidyTests.Rooms: what may it see?");
        var breaches = from file in Sources()
                       where RoomOf(file) == room
                       from use in Uses().Matches(CodeOf(file)).Select(match => match.Groups[1].Value)
                       where use != room && !visible.Contains(use)
                       select $"{Path.GetRelativePath(Root, file)} uses Docket.{use}";
        Assert.Empty(breaches);
    }

    [Fact]
    public void Only_the_server_that_puts_the_parts_together_names_an_engine()
    {
        var breaches = from file in Sources().Concat(SourcesOf(Path.Combine(Root, "src", "Docket.Cli")))
                       where !RoomOf(file).StartsWith("Stores.", StringComparison.Ordinal) && Path.GetFileName(file) != "DocketServer.cs"
                       where EngineNames().IsMatch(CodeOf(file))
                       select Path.GetRelativePath(Root, file);
        Assert.Empty(breaches);
    }

    [Fact]
    public void Calls_with_a_better_way_are_not_made()
    {
        var breaches = from file in Sources()
                       where Path.GetFileName(file) is not ("DocketServer.cs" or "DocketOptions.cs")
                       from line in File.ReadLines(file).Select((text, i) => (Text: text, Number: i + 1))
                       from rule in Banned
                       where Regex.IsMatch(rule.Call.Contains("TODO", StringComparison.Ordinal) ? line.Text : WithoutComment(line.Text), rule.Call)
                       select $"{Path.GetRelativePath(Root, file)}:{line.Number}: {line.Text.Trim()}\n  instead: {rule.Instead}";
        Assert.Empty(breaches);
    }

    [Fact]
    public void The_architecture_page_knows_every_room_and_no_other()
    {
        var page = File.ReadAllText(Path.Combine(Root, "docs", "internals", "architecture.md"));
        var rooms = Sources().Select(RoomOf).Where(room => room.Length > 0).Select(room => room.Split('.')[^1]).Distinct().ToList();
        Assert.Empty(rooms.Where(room => !Regex.IsMatch(page, $@"\b{room}/")).Select(room => $"docs/internals/architecture.md does not mention {room}/"));

        // In its plan of the folders each room stands at the beginning of a line.
        var planned = RoomLines().Matches(page).Select(match => match.Groups[1].Value).Distinct();
        Assert.Empty(planned.Where(name => !Directory.EnumerateDirectories(Root, name, SearchOption.AllDirectories).Any()).Select(name => $"docs/internals/architecture.md speaks of {name}/, which is not there"));
    }

    [Fact]
    public void Docs_code_and_conversations_end_their_lines_alike()
    {
        var files = ((string[])["src", "tests", "docs"]).Select(folder => Path.Combine(Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => !BuildFolder().IsMatch(file) && Path.GetExtension(file) is ".cs" or ".hurl" or ".sql" or ".mjs" or ".md");
        Assert.Empty(files.Where(file => !BuildFolder().IsMatch(file) && File.ReadAllText(file) is var text && (text.Contains('\r') || !text.EndsWith('\n'))).Select(file => Path.GetRelativePath(Root, file)));
    }

    static IEnumerable<string> Sources() => SourcesOf(Library);

    static IEnumerable<string> SourcesOf(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => !BuildFolder().IsMatch(file));

    /// <summary>The folder as a namespace: <c>Stores.Sqlite</c>; empty for files beside the project.</summary>
    static string RoomOf(string file) => Path.GetRelativePath(Library, Path.GetDirectoryName(file)!).Replace(Path.DirectorySeparatorChar, '.') is var room && room != "." ? room : "";

    static string CodeOf(string file) => string.Join('\n', File.ReadLines(file).Select(WithoutComment));

    static string WithoutComment(string line) => Comment().Replace(line, "");

    static string RootFolder([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));

    [GeneratedRegex(@"^\s*(?:global )?using (?:static )?(?:\w+ = )?Docket\.(\w+(?:\.Sqlite|\.Postgres)?)\b", RegexOptions.Multiline)]
    private static partial Regex Uses();

    [GeneratedRegex(@"\bDocket\.Stores\.(Sqlite|Postgres)\b|\bSqliteStore\b|\bSqlitePortals\b|\bSQLitePCL\b|\bPostgresStore\b")]
    private static partial Regex EngineNames();

    // Not the two slashes of an address inside a text.
    [GeneratedRegex(@"(?<!:)//.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"[\\/](bin|obj|node_modules)[\\/]")]
    private static partial Regex BuildFolder();

    [GeneratedRegex(@"^[ \t│├└─]+([A-Z]\w+)/(?=\s|$)", RegexOptions.Multiline)]
    private static partial Regex RoomLines();
}
