using System.Reflection;
using System.Text;
using Docket.Conversations;
using Docket.Tests.Conversations;
using Docket.Tests.Tidy;

namespace Docket.Tests.Compatibility;

/// <summary>
/// The table of docs/behaviours.md comes from the tests: each row is a <see cref="BehaviourAttribute"/> of a test or a
/// <c># holds:</c> comment of a conversation, so what the page says is held is held by the suite. <c>DOCKET_UPDATE=1</c>
/// writes it into the page.
/// </summary>
[Collection(nameof(Conversation))]
public sealed class CompatibilityPageTests
{
    const string Begin = "<!-- behaviours: written by DOCKET_UPDATE=1 from the tests, not by hand -->\n", End = "<!-- /behaviours -->\n";

    const string Objects = "objects-and-batch.md", Others = "objects-other-than-tickets.md", Schemas = "properties-pipelines-search-associations.md";

    const string Search = "POST …/tickets/search", Associations = "associations", CustomObjects = "custom objects", Webhooks = "webhooks";

    /// <summary>Checks of the reference that nothing holds yet. What is built leaves this list for an attribute or a comment.</summary>
    static readonly Behaviour[] NotYet =
    [
        new(Webhooks, "an association of a ticket and a contact is an event of each", "docs, inferred", $"{Others} 12.41", null),
        new(Webhooks, "a permanent deletion is two events", "docs", $"{Others} 12.42", null),
    ];

    /// <summary>The numbered checks of the reference: chapter and how many it has.</summary>
    static readonly (string File, int Chapter, int Count)[] Checks = [(Objects, 9, 27), (Schemas, 10, 34), (Others, 12, 42)];

    [Fact]
    public void Every_check_of_the_reference_is_in_the_table_as_held_or_as_not_yet()
    {
        var checks = Checks.SelectMany(check => Enumerable.Range(1, check.Count).Select(i => (check.File, check.Chapter, i))).ToList();
        Assert.Equal([], checks.Except(OfTests().Concat(NotYet).Select(behaviour => behaviour.Place)));
        Assert.Equal([], OfTests().Concat(NotYet).Select(behaviour => behaviour.Place).Where(place => Checks.Any(check => (check.File, check.Chapter) == (place.File, place.Chapter))).Except(checks));
        Assert.Equal([], NotYet.Select(behaviour => behaviour.Place).Intersect(OfTests().Select(behaviour => behaviour.Place)));
    }

    [Fact]
    public async Task The_page_says_what_the_tests_hold()
    {
        var path = Path.Combine(House.Root, "docs", "behaviours.md");
        var page = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var begin = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var written = $"{page[..begin]}{Table()}{page[page.IndexOf(End, StringComparison.Ordinal)..]}";
        if (ConversationTests.Update)
        {
            await File.WriteAllTextAsync(path, written, TestContext.Current.CancellationToken);
        }
        else
        {
            Assert.True(written == page, "docs/behaviours.md is behind the tests; DOCKET_UPDATE=1 rewrites its table:\n" + JsonText.Difference([.. written.Split('\n')], [.. page.Split('\n')]));
        }
    }

    static string Table()
    {
        var table = new StringBuilder();
        foreach (var endpoint in OfTests().Concat(NotYet).OrderBy(behaviour => behaviour.Place).ThenBy(behaviour => behaviour.Text, StringComparer.Ordinal).GroupBy(behaviour => behaviour.Endpoint))
        {
            table.Append($"\n### {(endpoint.Key.Contains('…') ? $"`{endpoint.Key}`" : endpoint.Key)}\n\n| behaviour | evidence | held by |\n| --- | --- | --- |\n");
            foreach (var behaviour in endpoint)
            {
                table.Append($"| {behaviour.Text} | {behaviour.Evidence}: {behaviour.Section} | {(behaviour.HeldBy is null ? "not yet" : $"`{behaviour.HeldBy}`")} |\n");
            }
        }

        return table.Append('\n').ToString();
    }

    /// <summary>The behaviours that tests name. A skipped test verifies nothing.</summary>
    static IEnumerable<Behaviour> OfTests() =>
        (from type in typeof(CompatibilityPageTests).Assembly.GetTypes()
         from method in type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
         from behaviour in method.GetCustomAttributes<BehaviourAttribute>()
         select behaviour.HeldBy(method.GetCustomAttribute<FactAttribute>() is { Skip: null } ? type.Name : null))
        .Concat(ConversationTests.All.SelectMany(conversation => conversation.Holds()));
}
