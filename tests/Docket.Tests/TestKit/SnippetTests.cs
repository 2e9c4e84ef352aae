using Docket.Tests.Tidy;

namespace Docket.Tests.TestKit;

/// <summary>The tests that the guide shows are those of <c>tests/Docket.Snippets</c>, which the compiler checks.</summary>
public sealed class SnippetTests
{
    public static TheoryData<string> Snippets => [.. House.SourcesOf(Path.Combine(House.Root, "tests", "Docket.Snippets")).Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Snippets))]
    public async Task The_guide_shows_what_the_compiler_checked(string file) =>
        Assert.Contains($"```csharp\n{await File.ReadAllTextAsync(Path.Combine(House.Root, "tests", "Docket.Snippets", file), TestContext.Current.CancellationToken)}```",
            await File.ReadAllTextAsync(Path.Combine(House.Root, "docs", "testing.md"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
}
