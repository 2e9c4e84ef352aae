using System.Collections.Immutable;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>
/// One portal's records, history and schema, as the rest of Docket sees them. Every method answers from committed data;
/// what a write method acknowledges is on disk.
/// </summary>
/// <remarks>Methods throw <see cref="Refusal"/> when the engine can't serve (disk full, file locked or damaged).</remarks>
internal interface IStore
{
    /// <summary>The current schema. A snapshot: it never changes, a newer one takes its place.</summary>
    PortalSchema Schema { get; }

    /// <summary>
    /// Applies a batch, and writes the note with it: one lookup, one decision, one commit. After a purge nothing of the records
    /// is found any more, in no free place of a file either.
    /// </summary>
    Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null);

    /// <summary>
    /// Changes a schema. <paramref name="change"/> sees the newest content and gives the new one, or throws a
    /// <see cref="Refusal"/>; no record is written between its look and the commit.
    /// </summary>
    /// <param name="type">The object type.</param>
    /// <param name="change">From the content now to the content wanted.</param>
    /// <param name="keepUsedStages">Refuse with <see cref="Faults.StagesInUse"/> when the change takes away a stage that active records stand in.</param>
    Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages = false);

    /// <summary>The record of an id, among the active or among the archived ones. The id of a record that was merged away leads to the one it became part of.</summary>
    ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation);

    /// <summary>The active record that holds a unique value.</summary>
    ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>
    /// The record of an id as it was at <paramref name="time"/> (milliseconds since 1970), active or archived; <c>null</c> when it
    /// was not there yet. A record merged away is found as it was before, and from the merge on as part of the other.
    /// </summary>
    Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation);

    /// <summary>Several reads of one state: what a batch changes together is seen together.</summary>
    /// <param name="read">Waits for nothing but the snapshot, and throws nothing of its own.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation);

    /// <summary>The ids of all records with a value of a unique property: the active one, and archived ones that had it. A walk over the archive.</summary>
    Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>
    /// The active records that a query finds, by what was committed before the call; or somewhat earlier, where the portal's
    /// settings ask for a lag. They are shown as they were when they were found, whatever was written since.
    /// </summary>
    ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation);

    /// <summary>Names the history that sequence numbers count: another one where the portal's file is another one.</summary>
    string History { get; }

    /// <summary>Sequence number of the newest committed change, 0 before the first.</summary>
    long Sequence { get; }

    /// <summary>Completes once there is a change with a greater number than <paramref name="sequence"/>.</summary>
    Task WaitBeyondAsync(long sequence, CancellationToken cancellation);

    /// <summary>
    /// The changes after <paramref name="after"/> in order of commit, without gaps: at most <paramref name="limit"/>, and fewer when
    /// their values have more than <paramref name="bytesMax"/> bytes. Empty only when there are none.
    /// </summary>
    ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation);

    /// <summary>
    /// As <see cref="FeedAsync"/>, the changes of one record, also of one that is archived, merged away or gone for good. Takes
    /// as long as going back over its changes to <paramref name="after"/>.
    /// </summary>
    /// <returns>The changes, and the number of the record's newest one; 0 when there never was such a record.</returns>
    Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation);

    /// <summary>Whether it can serve at this moment. Cheap, and answered soon also when it can't.</summary>
    Task<Condition> ConditionAsync();

    /// <summary>Batches that are worked on after they were answered.</summary>
    IJobs Jobs { get; }

    /// <summary>Answers kept for requests that come again.</summary>
    IAnswers Answers { get; }
}

/// <summary>
/// The records of a portal in one state: nothing is written in between. Everything is asked for in sets, so that a store over a
/// network needs one round trip for each question.
/// </summary>
internal interface ISnapshot
{
    /// <summary>For each id what <see cref="IStore.FindAsync(ObjectType, long, bool, CancellationToken)"/> finds.</summary>
    ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived);

    /// <summary>For each value the active record that holds it; an empty value is held by none.</summary>
    ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values);

    /// <summary>Up to <paramref name="limit"/> records with an id of at least <paramref name="from"/>, ascending by id.</summary>
    ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived);

    /// <summary>For each record what some properties were.</summary>
    /// <param name="records">Records, also as they were in the past.</param>
    /// <param name="properties">Properties whose values are stored.</param>
    /// <param name="changes">Whether to give <see cref="RecordPast.Changes"/>.</param>
    /// <param name="limit">Most entries of each list.</param>
    ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit);
}

/// <summary>What a record was, newest first.</summary>
/// <param name="Properties">For each property asked for the values that were stored.</param>
/// <param name="Changes">When the record was changed at all, without values; empty when that was not asked for.</param>
internal sealed record RecordPast(ImmutableArray<ImmutableArray<HistoryEntry>> Properties, ImmutableArray<HistoryEntry> Changes);

/// <summary>How a portal stands, each in one word.</summary>
/// <param name="State"><see cref="Ready"/> when it can be read and written to, else why not: <c>full</c>, <c>locked</c>, <c>damaged</c>, <c>missing</c>, <c>foreign</c>, <c>newer</c>, <c>read-only</c>, <c>failing</c>, <c>stopping</c>.</param>
/// <param name="Index">The search index: <see cref="Ready"/>, <c>building</c>, <c>behind</c>, or <c>closed</c> while nobody uses the portal. Nothing is refused for it.</param>
internal sealed record Condition(string State, string Index)
{
    public const string Ready = "ready";

    /// <summary>What a failure says of a portal, in one word.</summary>
    public static string WordOf(Exception failure) => (failure as Refusal)?.Error.State ?? "failing";
}

/// <summary>The portals of a data directory and the tokens that open them.</summary>
internal interface IPortals : IAsyncDisposable
{
    /// <summary>Who a token belongs to, and the store of its portal; <c>null</c> for an unknown or revoked token. It may have expired.</summary>
    (Caller Caller, IStore Store)? FindToken(string token);

    /// <summary>Who calls.</summary>
    IApps Apps { get; }

    /// <summary>Who lets them.</summary>
    IUsers Users { get; }

    /// <summary>How often they called today.</summary>
    IUsage Usage { get; }

    /// <summary>The owners of a portal at this moment, who are its users.</summary>
    PortalOwners OwnersOf(long portalId);

    /// <summary>Who of these is signed in.</summary>
    ISessions Sessions { get; }

    /// <summary>What they have let apps do.</summary>
    IGrants Grants { get; }

    ImmutableArray<Portal> List();

    /// <summary>The store of a portal.</summary>
    /// <exception cref="Refusal">Its file can't be opened; it is tried again with a later call.</exception>
    IStore Open(long portalId);

    /// <summary>Whether a portal has jobs that have not ended, or jobs and answers that are kept no longer. Opens nothing.</summary>
    bool IsCareDue(long portalId);

    /// <summary>How a portal stands, also one that can't be opened.</summary>
    Task<Condition> ConditionAsync(long portalId);

    Portal Create(string name);

    /// <summary>Gives up a portal whose file is gone, with its apps and users.</summary>
    /// <exception cref="OperatorMistake">Its file is there.</exception>
    void Forget(long portalId);

    /// <summary>Changes settings of a portal, by the names and texts of <see cref="PortalSettings.All"/>; every process sees them with its next request.</summary>
    /// <returns>The portal afterwards; <c>null</c> when there is none.</returns>
    Portal? Change(long portalId, IReadOnlyDictionary<string, string> changes);

    /// <summary>Renames a portal.</summary>
    /// <returns>The portal afterwards; <c>null</c> when there is none.</returns>
    Portal? Rename(long portalId, string name);

    /// <summary>
    /// Deletes a portal with its files, apps, tokens and users. Its tokens end with the next request, also where another process
    /// serves it, which then closes its files too. Its id is not given again.
    /// </summary>
    /// <returns><c>false</c> when there is none.</returns>
    bool Delete(long portalId);

    /// <summary>
    /// Has the search index of a portal rebuilt, here or by the server that serves it, and waits for that. A server that has the
    /// portal closed does it when the portal is next used, which is not waited for.
    /// </summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="progress">Told now and then how much is done, 0 to 1.</param>
    /// <param name="cancellation">Stops waiting; a server goes on.</param>
    /// <returns>Whether it is built; <c>false</c> when that is left to the next use of the portal.</returns>
    Task<bool> RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation);
}
