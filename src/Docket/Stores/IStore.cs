using System.Collections.Immutable;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>
/// A portal's records, history and schema. Every method reads committed data; when a write method completes, its data is
/// durable.
/// </summary>
/// <remarks>Methods throw <see cref="Refusal"/> if the engine can't serve (see <see cref="Condition.State"/>).</remarks>
internal interface IStore
{
    /// <summary>The current schema, an immutable snapshot.</summary>
    PortalSchema Schema { get; }

    /// <summary>
    /// Applies a batch and writes the note with it: one lookup, one decision, one commit. After a purge, nothing of the records
    /// remains in what the engine stores.
    /// </summary>
    Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null);

    /// <summary>Applies a batch of associations: one lookup, one decision, one commit. Each input is decided on its own.</summary>
    Task<TiePlan> ApplyAsync(TieBatch batch);

    /// <summary>
    /// Changes a schema. <paramref name="change"/> gets the newest content and returns the new one, or throws a
    /// <see cref="Refusal"/>; no record is written until the commit.
    /// </summary>
    /// <param name="type">The object type.</param>
    /// <param name="change">Turns the current content into the new one.</param>
    /// <param name="keepUsedStages">Refuse with <see cref="Faults.StagesInUse"/> if the change removes a stage that active records use.</param>
    Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages = false);

    /// <summary>
    /// Changes the object types and association types of the portal. <paramref name="change"/> gets the newest snapshot and returns the new one, or throws a
    /// <see cref="Refusal"/>; no record is written until the commit.
    /// </summary>
    /// <remarks>Associations of a type that is deleted end first, in several transactions if there are many: <paramref name="change"/> is called for each.</remarks>
    /// <exception cref="Refusal">It archives a type with active records.</exception>
    Task<PortalSchema> ChangeTypesAsync(Func<PortalSchema, PortalSchema> change, Caller caller);

    /// <summary>Finds an active or archived record by id. The id of a merged record finds the record into which it was merged.</summary>
    ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation);

    /// <summary>Finds the active record with a unique value.</summary>
    ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>
    /// Finds a record as it was at <paramref name="time"/> (milliseconds since 1970), active or archived; <c>null</c> if it didn't
    /// exist yet. A merged record is found as it was before the merge, and as the merged result from then on.
    /// </summary>
    Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation);

    /// <summary>Performs several reads in one snapshot.</summary>
    /// <param name="read">Awaits only the snapshot, and throws no exceptions of its own.</param>
    /// <param name="cancellation">Cancels the reads.</param>
    /// <param name="isLong">Whether they go back over many changes.</param>
    ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation, bool isLong = false);

    /// <summary>Finds the ids of all records with a unique value: the active one, and archived ones that had it. Reads the whole archive.</summary>
    Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>
    /// Finds the active records that match a query, as committed before the call, or earlier if the portal's settings specify a
    /// lag. The records are returned as they were at that point.
    /// </summary>
    ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation);

    /// <summary>Identifies the history that sequence numbers refer to.</summary>
    string History { get; }

    /// <summary>Sequence number of the newest committed change, 0 before the first.</summary>
    long Sequence { get; }

    /// <summary>Completes when there is a change with a greater number than <paramref name="sequence"/>.</summary>
    Task WaitBeyondAsync(long sequence, CancellationToken cancellation);

    /// <summary>
    /// Reads the changes after <paramref name="after"/> in order of commit, without gaps: at most <paramref name="limit"/>, and fewer
    /// if their values have more than <paramref name="bytesMax"/> bytes. Empty only if there are none.
    /// </summary>
    ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation);

    /// <summary>
    /// Like <see cref="FeedAsync"/>, for one record, also if it is archived, merged or permanently deleted. Reads all its changes
    /// back to <paramref name="after"/>.
    /// </summary>
    /// <returns>The changes, and the number of the record's newest change; 0 if the record never existed.</returns>
    Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation);

    /// <summary>
    /// Reads the changes of one record and its associations, newest first: at most <paramref name="limit"/>, and fewer if their values are
    /// long. Reads as many changes as it returns, however many there are. <c>null</c> if the record never existed.
    /// </summary>
    /// <param name="type">The record's type.</param>
    /// <param name="id">The record's id, also of an archived, merged or permanently deleted one.</param>
    /// <param name="after">Where the page before it ended; <c>null</c> for the first.</param>
    /// <param name="limit">Most changes.</param>
    /// <param name="cancellation">Cancels the read.</param>
    ValueTask<TimelinePage?> TimelineAsync(ObjectType type, long id, TimelinePlace? after, int limit, CancellationToken cancellation);

    /// <summary>Whether the portal can serve now. Cheap, and fast even if it can't.</summary>
    Task<Condition> ConditionAsync();

    /// <summary>Batches that are processed after the answer.</summary>
    IJobs Jobs { get; }

    /// <summary>Stored answers to requests that may be repeated.</summary>
    IAnswers Answers { get; }
}

/// <summary>
/// The records of a portal in one snapshot. All methods read sets, so that a store over a network needs one round trip for each
/// call.
/// </summary>
internal interface ISnapshot
{
    /// <summary>Like <see cref="IStore.FindAsync(ObjectType, long, bool, CancellationToken)"/>, for each id.</summary>
    ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived);

    /// <summary>Finds the active record with each unique value; none for an empty value.</summary>
    ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values);

    /// <summary>Lists up to <paramref name="limit"/> records with an id of at least <paramref name="from"/>, in order of id.</summary>
    ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived);

    /// <summary>Lists the records of one type that each of some records is associated with.</summary>
    /// <param name="from">The type of the records.</param>
    /// <param name="records">Their ids, and the id of the associated record to begin after; 0 for the first.</param>
    /// <param name="types">The association types to list, from their type to the same other one.</param>
    /// <param name="limit">Most records of each page.</param>
    /// <param name="asOf">As of this time, milliseconds since 1970, with the records that were active then, and none for one that wasn't; <c>null</c> for now.</param>
    ValueTask<ImmutableArray<TiePage>> TiesAsync(ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? asOf = null);

    /// <summary>Reads the history of some properties of each record.</summary>
    /// <param name="records">Records, also as they were in the past.</param>
    /// <param name="properties">Properties whose values are stored.</param>
    /// <param name="changes">Whether to read <see cref="RecordPast.Changes"/>.</param>
    /// <param name="limit">Most entries of each list.</param>
    ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit);
}

/// <summary>The history of a record, newest first.</summary>
/// <param name="Properties">The stored values of each requested property.</param>
/// <param name="Changes">When the record was changed, without values; empty if not requested.</param>
internal sealed record RecordPast(ImmutableArray<ImmutableArray<HistoryEntry>> Properties, ImmutableArray<HistoryEntry> Changes);

/// <summary>A page of what happened to a record.</summary>
/// <param name="Changes">The changes, newest first. Those of associations are as stored, as seen from either of the two records.</param>
/// <param name="Next">Where the next page begins; <c>null</c> if there is none.</param>
internal sealed record TimelinePage(ImmutableArray<Change> Changes, TimelinePlace? Next);

/// <summary>A place between two changes of a timeline. Changes of associations are found by number, but a record's own only from each other.</summary>
/// <param name="Before">The change that the place comes after, newest first.</param>
/// <param name="Own">The next change of the record itself; 0 if there is none.</param>
internal readonly record struct TimelinePlace(long Before, long Own);

/// <summary>The state of a portal and of its search index, each in one word.</summary>
/// <param name="State"><see cref="Ready"/> if it can be read and written, otherwise why not: <c>full</c>, <c>locked</c>, <c>damaged</c>, <c>missing</c>, <c>foreign</c>, <c>newer</c>, <c>read-only</c>, <c>failing</c>, <c>stopping</c>.</param>
/// <param name="Index">The search index: <see cref="Ready"/>, <c>building</c>, <c>behind</c>, or <c>closed</c> while the portal is not in use. No request is refused because of it.</param>
internal sealed record Condition(string State, string Index)
{
    public const string Ready = "ready";

    /// <summary>The state of a portal after a failure, in one word.</summary>
    public static string WordOf(Exception failure) => (failure as Refusal)?.Error.State ?? "failing";
}

/// <summary>The portals of a data directory, and their tokens.</summary>
internal interface IPortals : IAsyncDisposable
{
    /// <summary>Finds the caller of a token, and the store of its portal; <c>null</c> for an unknown or revoked token. The token may have expired. Caller and store know everything that was committed before the call, also by other processes.</summary>
    ValueTask<(Caller Caller, IStore Store)?> FindTokenAsync(string token, CancellationToken cancellation);

    /// <summary>The time in each portal.</summary>
    PortalClocks Clocks { get; }

    IApps Apps { get; }

    IUsers Users { get; }

    IUsage Usage { get; }

    /// <summary>Calls that count toward limits in seconds, between the processes that serve the portals; <c>null</c> where only one can.</summary>
    SharedCalls? SharedCalls { get; }

    /// <summary>The current owners of a portal, who are its users.</summary>
    ValueTask<PortalOwners> OwnersOfAsync(long portalId, CancellationToken cancellation);

    /// <summary>Snapshots of portals; <c>null</c> if the engine has none.</summary>
    ISnapshots? Snapshots { get; }

    ISessions Sessions { get; }

    IGrants Grants { get; }

    ValueTask<ImmutableArray<Portal>> ListAsync(CancellationToken cancellation);

    /// <summary>Opens the store of a portal.</summary>
    /// <exception cref="Refusal">It can't be opened; a later call retries.</exception>
    ValueTask<IStore> OpenAsync(long portalId, CancellationToken cancellation);

    /// <summary>Whether a portal has unfinished jobs that no other process has, or expired jobs and answers. Opens nothing.</summary>
    ValueTask<bool> IsCareDueAsync(long portalId, CancellationToken cancellation);

    /// <summary>Whether no other process serves these portals.</summary>
    ValueTask<bool> IsAloneAsync(CancellationToken cancellation);

    /// <summary>Refuses what each process would do on its own.</summary>
    /// <param name="what">What it is, as the beginning of a sentence.</param>
    /// <param name="cancellation">Cancels the check.</param>
    /// <exception cref="Refusal">409: several processes serve these portals.</exception>
    async ValueTask RequireAloneAsync(string what, CancellationToken cancellation)
    {
        if (!await IsAloneAsync(cancellation))
        {
            throw new Refusal(Faults.SeveralProcesses(what));
        }
    }

    /// <summary>The portals of which another process that has ended may have left jobs.</summary>
    ValueTask<ImmutableArray<long>> AbandonedAsync(CancellationToken cancellation);

    /// <summary>The state of a portal, even if it can't be opened.</summary>
    Task<Condition> ConditionAsync(long portalId);

    ValueTask<Portal> CreateAsync(string name);

    /// <summary>The first portal, created if there is none: only once, even if several processes start at the same time.</summary>
    ValueTask<Portal> FindOrCreateFirstAsync(string name);

    /// <summary>Removes a portal whose data is lost, with its apps and users.</summary>
    /// <exception cref="OperatorMistake">Its data exists.</exception>
    ValueTask ForgetAsync(long portalId);

    /// <summary>Changes settings of a portal, by the names and texts of <see cref="PortalSettings.All"/>; every process uses them from its next request on.</summary>
    /// <returns>The changed portal; <c>null</c> if it doesn't exist.</returns>
    ValueTask<Portal?> ChangeAsync(long portalId, IReadOnlyDictionary<string, string> changes);

    /// <summary>Renames a portal.</summary>
    /// <returns>The renamed portal; <c>null</c> if it doesn't exist.</returns>
    ValueTask<Portal?> RenameAsync(long portalId, string name);

    /// <summary>
    /// Deletes a portal with its data, apps, tokens and users. Its tokens are invalid from the next request on, also in another
    /// process that serves it. Its id is not reused.
    /// </summary>
    /// <returns><c>false</c> if it doesn't exist.</returns>
    ValueTask<bool> DeleteAsync(long portalId);

    /// <summary>
    /// Rebuilds the search index of a portal, here or in the server that serves it, and waits for it. A server that has closed
    /// the portal rebuilds the index when the portal is next used; this is not waited for.
    /// </summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="progress">Called from time to time with the progress, 0 to 1.</param>
    /// <param name="cancellation">Stops waiting; a server continues.</param>
    /// <returns>Whether it is built; <c>false</c> if the next use of the portal will build it.</returns>
    Task<bool> RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation);
}
