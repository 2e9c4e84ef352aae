using System.Collections.Immutable;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.Legacy;

/// <summary>Lists of versions 1 and 2. Their sizes were never refused: one that is too large counts as the largest.</summary>
internal static class Pages
{
    /// <summary>How far a list of recent records reaches, as a search does (reference/properties-pipelines-search-associations.md 4.3).</summary>
    const int ReachMax = 10_000;

    /// <summary>The size of a page.</summary>
    /// <exception cref="Refusal">400: not a number.</exception>
    public static int Size(HttpContext http, string parameter, int unset, int max) => (int)Math.Clamp(http.QueryNumber(parameter) ?? unset, 1, max);

    /// <summary>How many records to leave out at the start of a list of found ones.</summary>
    /// <exception cref="Refusal">400: not a number, or too many.</exception>
    public static int Skip(HttpContext http, string parameter = "offset") =>
        http.QueryNumber(parameter) is not { } offset ? 0 : offset < ReachMax ? (int)offset : throw new Refusal(Faults.BeyondReach(ReachMax));

    /// <summary>Adds a page of active records to an answer, in order of id.</summary>
    /// <param name="call">The call.</param>
    /// <param name="answers">The answer.</param>
    /// <param name="after">The id to begin after.</param>
    /// <param name="size">Most records.</param>
    /// <param name="cancellation">Cancels the read.</param>
    /// <returns>The last id, or <paramref name="after"/> if there is none, and whether there are more.</returns>
    public static ValueTask<(long Last, bool HasMore)> ListAsync(Call call, RecordAnswers answers, long after, int size, CancellationToken cancellation) => call.Store.ReadAsync(async snapshot =>
    {
        // One more than the page shows whether there is a next page.
        var records = await snapshot.ListAsync(call.Type, Math.Min(after, long.MaxValue - 1) + 1, size + 1, archived: false);
        ImmutableArray<Record> page = [.. records.Take(size)];
        await answers.AddAsync(snapshot, page);
        return (page.LastOrDefault()?.Id ?? after, records.Length > size);
    }, cancellation);

    /// <summary>The records with a time since another one, newest first.</summary>
    /// <param name="call">The call.</param>
    /// <param name="schema">Their type.</param>
    /// <param name="moment">The property with the time.</param>
    /// <param name="since">The other time, milliseconds since 1970; <c>null</c> for all records.</param>
    /// <param name="skip">Records to leave out.</param>
    /// <param name="limit">Most records.</param>
    /// <param name="cancellation">Cancels the search.</param>
    public static ValueTask<SearchPage> RecentAsync(Call call, Schema schema, string moment, long? since, int skip, int limit, CancellationToken cancellation)
    {
        var property = schema.Require(moment);
        ImmutableArray<ImmutableArray<SearchFilter>> groups = since is { } from ? [[new(property, SearchOperator.Gte, [new("", from)])]] : [];
        return call.Store.SearchAsync(new(schema, groups, [], [], new(property, Descending: true), skip, null, limit), cancellation);
    }

    /// <summary>Answers with a list under its own name.</summary>
    public static Task RespondAsync(HttpContext http, string list, Action<Utf8JsonWriter> writeAll, bool hasMore, long offset, long? total = null, string moreName = "hasMore") =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (list, writeAll, hasMore, offset, total, moreName), static (json, page) =>
        {
            json.WriteStartObject();
            json.WriteStartArray(page.list);
            page.writeAll(json);
            json.WriteEndArray();
            json.WriteBoolean(page.moreName, page.hasMore);
            json.WriteNumber("offset", page.offset);
            if (page.total is { } total)
            {
                json.WriteNumber("total", total);
            }

            json.WriteEndObject();
        });
}
