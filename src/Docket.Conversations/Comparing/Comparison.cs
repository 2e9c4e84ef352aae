namespace Docket.Conversations.Comparing;

/// <summary>Sends the requests of a conversation to an account and to Docket, one after the other, and compares the answers.</summary>
internal sealed class Comparison(Side account, Side docket, TimeSpan searchWait, TimeProvider clock)
{
    static readonly TimeSpan BetweenSearches = TimeSpan.FromSeconds(1);

    readonly Matching matching = new(account.Url, docket.Url, clock.GetUtcNow(), clock);

    /// <summary>Compares all answers. The caller deletes what was created.</summary>
    public async Task RunAsync(Conversation conversation, Action<Compared> show, CancellationToken cancellation)
    {
        if (await account.ReadAsync("/account-info/v3/details", "portalId", cancellation) is { } ofAccount && await docket.ReadAsync("/account-info/v3/details", "portalId", cancellation) is { } ofDocket)
        {
            matching.Bind(ofAccount, ofDocket);
        }

        var known = conversation.Entries.SelectMany(entry => entry.Captures).Select(capture => capture.Variable).Append("unscoped").ToHashSet();
        foreach (var entry in conversation.Entries)
        {
            var path = Target.PathOf(entry.Url.Replace("{{docket}}", "", StringComparison.Ordinal));
            var reason = await WhyNotAsync(entry, known, cancellation);
            show(new($"{conversation.File}:{entry.Line}", entry.Method, path, reason, reason is null ? await CompareAsync(entry, cancellation) : []));
        }
    }

    async Task<List<Difference>> CompareAsync(Entry entry, CancellationToken cancellation)
    {
        var path = Target.PathOf(entry.Url);
        var ofDocket = await docket.SendAsync(entry, cancellation);
        var (enough, before) = (clock.GetUtcNow() + searchWait, matching.Bindings);
        // HubSpot's search lags behind its writes.
        for (; ; await Task.Delay(BetweenSearches, clock, cancellation))
        {
            matching.Undo(before);
            var differences = matching.Compare(await account.SendAsync(entry, cancellation), ofDocket, Target.IsBatch(path));
            if (differences is [] || !Target.IsSearch(path) || clock.GetUtcNow() > enough)
            {
                return differences;
            }
        }
    }

    async Task<string?> WhyNotAsync(Entry entry, HashSet<string> known, CancellationToken cancellation)
    {
        if (!entry.Url.StartsWith("{{docket}}/", StringComparison.Ordinal))
        {
            return "it is for another server";
        }

        if (Target.IsDockets(entry.Url["{{docket}}".Length..]))
        {
            return "HubSpot doesn't have this path";
        }

        var texts = entry.Headers.Select(header => header.Value).Append(entry.Url).Append(entry.Body ?? "").ToList();
        if (texts.Select(text => account.Missing(text, known) ?? docket.Missing(text, known)).FirstOrDefault(name => name is not null) is { } missing)
        {
            return $"{{{{{missing}}}}} has no value";
        }

        var target = account.Fill(entry.Url)[account.Url.Length..];
        var body = Side.Parse(account.Fill(entry.Body ?? ""));
        return account.Created.Objection(entry.Method, target, body)
            ?? (await account.FindForeignAsync(Target.PathOf(target), body, cancellation) is { } foreign ? $"it would change {foreign}, which this run didn't create" : null);
    }
}
