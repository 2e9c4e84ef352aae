using System.Text.RegularExpressions;
using Docket.Conversations;
using Docket.Tests.Conversations;
using Docket.Tests.Tidy;
using Microsoft.AspNetCore.Routing;

namespace Docket.Tests.Contract;

/// <summary>
/// Answers are what HubSpot's OpenAPI files say. <see cref="CheckedAnswers"/> holds each answer that a test gets against
/// them; here it is the answers written down in the conversations, and those that come when the same requests are sent to
/// the dated paths. So the conversations must know every endpoint and need every deviation that is listed.
/// </summary>
[Collection(nameof(Conversation))]
[Trait("Category", "Slow")] // plays all conversations once more for each version
public sealed partial class ContractTests(ContractTests.Answers answers) : IClassFixture<ContractTests.Answers>
{
    [Fact]
    public void Every_answer_of_the_conversations_is_as_published()
    {
        var published = PublishedApi.OrSkip();
        AssertNone(from exchange in answers.Exchanges
                   let complaint = CheckedAnswers.Complaint(published, exchange.Method, exchange.Path, exchange.Status, exchange.Body)
                   where complaint is not null
                   select $"{exchange.Where}: {complaint}");
    }

    [Fact]
    public void Every_endpoint_is_in_the_conversations_with_a_success_and_an_error()
    {
        var published = PublishedApi.OrSkip();
        var statuses = answers.Exchanges.ToLookup(exchange => published.Find(exchange.Method, exchange.Path), exchange => exchange.Status);
        var missing = new List<string>();
        foreach (var (method, path) in answers.Endpoints.Where(endpoint => endpoint.Path.StartsWith("/crm/", StringComparison.Ordinal) && !Deviations.OwnEndpoints.Any(own => own.Method == endpoint.Method && PublishedApi.Fits(own.Path, endpoint.Path))))
        {
            if (published.Find(method, path) is not { } operation)
            {
                missing.Add($"{method} {path}: no file of HubSpot's has it; if it is Docket's own, Deviations.OwnEndpoints says so");
                continue;
            }

            missing.AddRange(statuses[operation].Any(status => status < 300) ? [] : [$"{method} {path}: no success"]);
            missing.AddRange(statuses[operation].Any(status => status >= 400) ? [] : [$"{method} {path}: no error"]);
        }

        AssertNone(missing);
    }

    [Fact]
    public void Every_deviation_is_needed_and_listed_once()
    {
        var published = PublishedApi.OrSkip();
        var found = answers.Exchanges
            .SelectMany(exchange => published.Find(exchange.Method, exchange.Path) is { } operation ? PublishedApi.Check(operation, exchange.Status, exchange.Body) : [])
            .ToHashSet();
        var expected = Deviations.All.Except(answers.Versions.Count > 0 ? [] : Deviations.OfDatedVersions);
        AssertNone(expected.Where(deviation => !found.Contains(deviation.Place)).Select(deviation => $"no conversation needs {deviation}"));
        AssertNone(Deviations.All.GroupBy(deviation => deviation.Place).Where(group => group.Count() > 1).Select(group => $"listed twice: {group.Key}"));
    }

    [Fact]
    public void Every_addition_is_documented()
    {
        var page = File.ReadAllText(Path.Combine(House.Root, "docs", "compatibility.md"));
        var section = page[page.IndexOf("\n## What Docket adds\n", StringComparison.Ordinal)..page.IndexOf("\n## Known differences\n", StringComparison.Ordinal)];
        AssertNone(Deviations.OfDocket.Where(addition => !section.Contains($"`{addition.Pointer.Split('/')[^1]}`", StringComparison.Ordinal)).Select(addition => $"docs/compatibility.md doesn't tell of {addition}"));
    }

    // In full: a list that Assert.Empty shows is cut short.
    static void AssertNone(IEnumerable<string> complaints) => Assert.True(!complaints.Any(), string.Join('\n', complaints));

    /// <summary>What can be called, and the answers of all conversations: as they are written, and live on each dated version of the paths.</summary>
    public sealed partial class Answers : IAsyncLifetime
    {
        internal List<(string Method, string Path)> Endpoints { get; } = [];

        /// <summary>Versions in dated paths: <c>2026-03</c>.</summary>
        internal List<string> Versions { get; } = [];

        internal List<Exchange> Exchanges { get; } = [];

        public async ValueTask InitializeAsync()
        {
            await using (var server = await TestServer.StartAsync())
            {
                Endpoints.AddRange(server.Endpoints.Select(endpoint => (
                    endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0],
                    $"/{endpoint.RoutePattern.RawText!.Trim('/').Replace("{objectType}", "tickets", StringComparison.Ordinal).Replace("{toObjectType}", "tickets", StringComparison.Ordinal)}")));
            }

            Versions.AddRange(Endpoints.Select(endpoint => Dated().Match(endpoint.Path).Groups[1].Value).Distinct().Where(version => version.Length > 0));
            foreach (var conversation in PublishedApi.OrNull is null ? [] : ConversationTests.All)
            {
                Exchanges.AddRange(conversation.Exchanges.Where(exchange => exchange.Status > 0));
                foreach (var version in Versions)
                {
                    await using var server = await TestServer.StartAsync();
                    Exchanges.AddRange(await conversation.SendAsync(server, url => Undated().Replace(url, $"/crm/$1/{version}")));
                }
            }
        }

        public ValueTask DisposeAsync() => default;

        [GeneratedRegex(@"^/crm/\w+/(\d{4}-\d\d[^/]*)/")]
        private static partial Regex Dated();

        [GeneratedRegex(@"/crm/v3/(\w+)")]
        private static partial Regex Undated();
    }
}
