using Docket.Conversations.Comparing;

namespace Docket.Tests.Comparing;

public sealed class MatchingTests
{
    static readonly DateTimeOffset Begin = new(2026, 3, 14, 9, 0, 0, TimeSpan.Zero);

    readonly ManualClock clock = new();
    readonly Matching matching;

    public MatchingTests()
    {
        clock.Advance(Begin - clock.GetUtcNow());
        matching = new("https://hubspot.test", "http://docket.test", Begin, clock);
    }

    [Theory]
    [InlineData("""{"a":1,"b":[]}""", """{"b":[],"a":1}""")] // the order of members
    [InlineData("""{"id":"501","hs_object_id":"501"}""", """{"id":"7","hs_object_id":"7"}""")]
    [InlineData("""{"createdAt":"2026-03-14T09:00:01.5Z"}""", """{"createdAt":"2026-03-14T09:00:00Z"}""")]
    [InlineData("""{"time_to_close":"1500"}""", """{"time_to_close":"1000"}""")]
    [InlineData("""{"id":"501","url":"https://app/501?at=1"}""", """{"id":"7","url":"https://app/7?at=1"}""")]
    [InlineData("""{"id":"90001","hs_date_entered_90001":"x"}""", """{"id":"4000","hs_date_entered_4000":"x"}""")]
    [InlineData("""{"correlationId":"0192f3a0-0000-7000-8000-000000000001"}""", """{"correlationId":"0192f3a0-0000-7000-8000-000000000002"}""")]
    [InlineData("""{"message":"failed at 2026-03-14T09:00:01Z"}""", """{"message":"failed at 2026-03-14T09:00:02.123Z"}""")]
    [InlineData("""{"link":"https://hubspot.test/crm?x=1"}""", """{"link":"http://docket.test/crm?x=1"}""")]
    public void What_each_account_has_of_its_own_is_no_difference(string account, string docket) =>
        Assert.Empty(matching.Compare(Reply(account), Reply(docket), isBatch: false));

    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""", "$.a")]
    [InlineData("""{"a":1}""", """{"a":"1"}""", "$.a")]
    [InlineData("""{"a":null}""", "{}", "$.a")]
    [InlineData("{}", """{"b":true}""", "$.b")]
    [InlineData("""{"count":"5"}""", """{"count":"6"}""", "$.count")] // no id
    [InlineData("""{"closed":"2026-01-01T00:00:00Z"}""", """{"closed":"2026-01-02T00:00:00Z"}""", "$.closed")] // a time that isn't of the run
    [InlineData("""{"results":[{"a":1},{"a":2}]}""", """{"results":[{"a":2},{"a":1}]}""", "$.results")] // the order of entries
    [InlineData("""{"results":[{"a":1}]}""", """{"results":[{"a":1},{"a":2}]}""", "$.results[1]")]
    [InlineData("""{"results":[{"id":"501","toId":"502"}]}""", """{"results":[{"id":"7","toId":"7"}]}""", "$.results[0].toId")] // one record for two
    public void What_is_not_the_same_is_named_by_its_path(string account, string docket, string path) =>
        Assert.Equal(path, Assert.Single(matching.Compare(Reply(account), Reply(docket), isBatch: false)).Path);

    [Fact]
    public void An_id_stands_for_the_same_record_in_later_answers()
    {
        Assert.Empty(matching.Compare(Reply("""{"id":"501"}"""), Reply("""{"id":"7"}"""), isBatch: false));
        Assert.Empty(matching.Compare(Reply("""{"message":"Object 501 is archived"}"""), Reply("""{"message":"Object 7 is archived"}"""), isBatch: false));
        Assert.Single(matching.Compare(Reply("""{"id":"502"}"""), Reply("""{"id":"7"}"""), isBatch: false));
    }

    [Fact]
    public void The_results_of_a_batch_are_matched_by_what_they_contain()
    {
        var account = Reply("""{"results":[{"id":"501","name":"ann"},{"id":"502","name":"bob"}]}""");
        Assert.Empty(matching.Compare(account, Reply("""{"results":[{"id":"8","name":"bob"},{"id":"7","name":"ann"}]}"""), isBatch: true));
        Assert.Empty(matching.Compare(Reply("""{"id":"501"}"""), Reply("""{"id":"7"}"""), isBatch: false));
    }

    [Fact]
    public void Statuses_types_and_texts_are_compared() =>
        Assert.Equal(
            ["status", "content type", "body"],
            matching.Compare(new(502, "text/html", [], "<h1>no</h1>"), new(500, "application/json", [], "{}"), isBatch: false).Select(difference => difference.Path));

    static Reply Reply(string body) => new(200, "application/json", [], body);
}
