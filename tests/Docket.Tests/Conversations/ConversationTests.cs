using System.Runtime.CompilerServices;
using Docket.Conversations;

namespace Docket.Tests.Conversations;

/// <summary>
/// Plays each <c>.hurl</c> file next to this one against a new server: requests and their exact answers, with a fixed clock and
/// counted correlation ids. <c>DOCKET_UPDATE=1</c> rewrites the answers in the source files; the diff is the review. Other tests
/// that read the files are in the same collection, so that they never read a partly written one.
/// </summary>
[Collection(nameof(Conversation))]
public sealed class ConversationTests
{
    internal static readonly bool Update = Environment.GetEnvironmentVariable("DOCKET_UPDATE") == "1";

    // An update reads and writes the sources; a check reads the copies next to the assembly.
    static readonly string Folder = Update ? SourceFolder() : Path.Combine(AppContext.BaseDirectory, "Conversations");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.hurl").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    /// <summary>All conversations as they are written, none of them played.</summary>
    internal static IEnumerable<Conversation> All =>
        Files.Select(row => Conversation.Parse(row.Data, File.ReadLines(Path.Combine(Folder, row.Data))));

    [Theory]
    [MemberData(nameof(Files))]
    public async Task The_conversation_goes_as_written(string file)
    {
        var path = Path.Combine(Folder, file);
        var conversation = Conversation.Parse(file, await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken));
        await using var server = await TestServer.StartAsync();
        var mismatches = await conversation.PlayAsync(server, Update);
        if (Update)
        {
            await File.WriteAllTextAsync(path, conversation.ToString(), TestContext.Current.CancellationToken);
        }

        Assert.True(mismatches.Count == 0, string.Join("\n\n", mismatches));
    }

    [Theory]
    [MemberData(nameof(Files))]
    [Trait("Engine", "SQLite")]
    public async Task The_conversation_goes_the_same_way_on_a_server_that_keeps_nothing(string file)
    {
        Assert.SkipWhen(Update, "the other test writes the answers");
        var conversation = Conversation.Parse(file, await File.ReadAllLinesAsync(Path.Combine(Folder, file), TestContext.Current.CancellationToken));
        await using var server = await TestServer.StartAsync(ephemeral: true);
        var mismatches = await conversation.PlayAsync(server, update: false);
        Assert.True(mismatches.Count == 0, string.Join("\n\n", mismatches));
    }

    static string SourceFolder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
