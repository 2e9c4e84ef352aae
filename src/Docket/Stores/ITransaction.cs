using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>
/// The part of a <see cref="PortalWriter"/> that an engine implements: transactions on one portal, one at a time, on the writer's
/// thread. Between <see cref="Begin"/> and <see cref="Commit"/>, records are looked up, planned and written, then notes are stored.
/// </summary>
/// <remarks>An engine throws its own exceptions; <see cref="Translate"/> turns them into refusals.</remarks>
internal interface ITransaction : IDisposable
{
    /// <summary>The portal's name in the log.</summary>
    string Name { get; }

    /// <summary>Sequence number of the newest committed change, 0 before the first. Read once, at the start.</summary>
    long Sequence { get; }

    /// <summary>Loads the committed schema. Called once, at the start.</summary>
    PortalSchema LoadSchema();

    /// <summary>Begins a transaction, and may look up what some batches name.</summary>
    /// <param name="batches">The batches of the transaction, as they were validated.</param>
    /// <returns>What was committed before it, also by other processes.</returns>
    TransactionStart Begin(IReadOnlyList<WriteBatch> batches);

    /// <summary>Makes all writes durable and visible at once.</summary>
    void Commit();

    /// <summary>Undoes all writes. Throws nothing, even without a transaction.</summary>
    void Rollback();

    /// <summary>Finds the records that a batch names, and the owners of its unique values.</summary>
    FoundRecords Find(WriteBatch batch);

    /// <summary>Writes a plan, without further decisions.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="type">The object type.</param>
    /// <param name="written">Receives the changes, for those who follow them.</param>
    void Write(Plan plan, ObjectType type, List<FollowedChange> written);

    /// <summary>Finds the ids of active records; <c>null</c> for each that doesn't exist.</summary>
    long?[] Find(IReadOnlyList<TieTarget> targets);

    /// <summary>Reads active records, and remembers none of them: they may be many. Sees the writes of the transaction.</summary>
    IReadOnlyList<Record> Read(ObjectType type, IReadOnlyList<long> ids);

    /// <summary>Finds what a batch of associations names. Sees the writes of the transaction.</summary>
    FoundTies Find(TieBatch batch);

    /// <summary>All associations of each record, also with archived ones.</summary>
    IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids);

    /// <summary>The associations of each record by some types, also with archived ones.</summary>
    /// <param name="type">The records' type.</param>
    /// <param name="ids">Their ids.</param>
    /// <param name="types">The numbers of the association types.</param>
    /// <param name="limit">Most associations of each type that a record has.</param>
    /// <param name="oldest">Whether those with the lowest ids come first, and not those with the highest.</param>
    IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<int> types, int limit, bool oldest);

    /// <summary>Some associations of a type, each once, as seen from the records at which it starts.</summary>
    /// <param name="type">The association type.</param>
    /// <param name="limit">Most associations.</param>
    IReadOnlyList<(long From, long To)> TiesWith(AssociationType type, int limit);

    /// <summary>Writes changes of associations, without further decisions.</summary>
    /// <param name="ties">The changes.</param>
    /// <param name="source">Their source.</param>
    /// <param name="written">Receives the changes, for those who follow them.</param>
    void Write(IReadOnlyList<PlannedTie> ties, Source source, List<FollowedChange> written);

    /// <summary>Removes all traces of a record's associations, also of those that ended.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="id">Its id.</param>
    /// <param name="inverse">The number of the other direction of an association type.</param>
    void ForgetTies(ObjectType type, long id, Func<int, int?> inverse);

    /// <summary>Checks that a note may be stored with the next write.</summary>
    /// <exception cref="Refusal">The job is at another position, or another process has taken the job or the key.</exception>
    void Expect(SideWrite note);

    /// <summary>Stores a note with the outcome of its batch, or begins to: other threads prepare what takes long while the writer continues.</summary>
    /// <returns>What finishes it before the commit; <c>null</c> if it is stored.</returns>
    Action? Keep(SideWrite note, Outcome outcome);

    /// <summary>Finds the stages that a schema change removes and that active records use.</summary>
    List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after);

    /// <summary>Whether a type has active records.</summary>
    bool HasRecords(ObjectType type);

    /// <summary>Stores the content of a type, of which it has <paramref name="before"/>: nothing, if the portal didn't use the type. Also stores the definition of a custom type.</summary>
    void SaveSchema(ObjectType type, SchemaContent? before, SchemaContent after);

    /// <summary>Stores an association that the portal has defined, or its newest state.</summary>
    void SaveAssociation(AssociationDefinition definition);

    /// <summary>Stores the limit of the association type with a number; <c>null</c> removes it.</summary>
    void SaveLimit(int type, int? most);

    /// <summary>Called between two transactions, for maintenance while other work may wait: a few milliseconds.</summary>
    void Rest();

    /// <summary>Called when there has been no work for a while.</summary>
    /// <returns>Whether there is more to do.</returns>
    bool RestLong();

    /// <summary>After a purge was committed: removes some of the remaining data of the records, in a separate transaction.</summary>
    /// <returns>Whether nothing is left to remove, and the failure, if any.</returns>
    (bool Done, Refusal? Failure) EraseSome();

    /// <summary>When nothing is left to remove: removes all traces of what was deleted.</summary>
    /// <returns>The failure, if any.</returns>
    Refusal? Clean();

    /// <summary>Inside a transaction: why the portal can't be written, in one word; <c>null</c> if it can.</summary>
    /// <param name="failed">Whether the last transaction failed: then a real write is tried.</param>
    string? Probe(bool failed);

    /// <summary>What is known of a transaction after its failure.</summary>
    TransactionEnd Judge(Exception failure);

    /// <summary>Turns an engine's exception into a refusal; <c>null</c> if it is a bug.</summary>
    Refusal? Translate(Exception failure);

    /// <summary>The records whose new values have not reached all records that show them.</summary>
    IUnfollowed Unfollowed { get; }

    /// <summary>The next active records that a record is associated with, in order of their keys, whatever their types.</summary>
    /// <param name="type">The record's type.</param>
    /// <param name="id">Its id.</param>
    /// <param name="types">The numbers of the association types.</param>
    /// <param name="after">The key of the record to begin after; 0 for the first.</param>
    /// <param name="limit">Most records.</param>
    TiePage TiesAfter(ObjectType type, long id, ImmutableArray<int> types, long after, int limit);
}

/// <summary>What a transaction begins with.</summary>
/// <param name="Sequence">The newest committed change.</param>
/// <param name="Schema">The committed schema, if another process has changed it.</param>
internal readonly record struct TransactionStart(long Sequence, PortalSchema? Schema);

/// <summary>What is known of a transaction that failed.</summary>
internal enum TransactionEnd
{
    /// <summary>It has written nothing, and what it was to write may be the cause.</summary>
    Rejected,

    /// <summary>It has written nothing, and may succeed if it is tried again: a connection was lost.</summary>
    Interrupted,

    /// <summary>It may have been committed, and nobody can be asked.</summary>
    Unknown,
}
