using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>
/// What a <see cref="PortalWriter"/> needs of an engine: transactions on one portal, one after the other, on the writer's
/// thread. Between <see cref="Begin"/> and <see cref="Commit"/> all is looked up, then planned, then written and noted.
/// </summary>
/// <remarks>An engine throws its own failures; <see cref="Translate"/> says what they mean.</remarks>
internal interface ITransaction : IDisposable
{
    /// <summary>What the portal is called in the log.</summary>
    string Name { get; }

    /// <summary>Sequence number of the newest committed change, 0 before the first. Asked for once, at the start.</summary>
    long Sequence { get; }

    /// <summary>The committed schema; types that the portal doesn't have yet are added. Asked for once, at the start.</summary>
    PortalSchema LoadSchema();

    void Begin();

    /// <summary>Makes what was written durable and visible, all at once.</summary>
    void Commit();

    /// <summary>Leaves nothing of what was written. Throws nothing, also when nothing was begun.</summary>
    void Rollback();

    /// <summary>Finds the records that a batch names, and the holders of the unique values in it.</summary>
    FoundRecords Find(WriteBatch batch);

    /// <summary>Writes what was planned; nothing is left to decide.</summary>
    /// <param name="plan">What to write.</param>
    /// <param name="type">Of which type.</param>
    /// <param name="written">Gets the changes, for those who follow them.</param>
    void Write(Plan plan, ObjectType type, List<FollowedChange> written);

    /// <summary>Checks that a note may be written with what comes next.</summary>
    /// <exception cref="Refusal">A job stands elsewhere.</exception>
    void Expect(SideWrite note);

    /// <summary>Writes a note with the outcome of its batch.</summary>
    void Keep(SideWrite note, Outcome outcome);

    /// <summary>The stages that a change of the schema takes away and that active records stand in.</summary>
    List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after);

    void SaveSchema(ObjectType type, SchemaContent before, SchemaContent after);

    /// <summary>Between two transactions: time to tidy up.</summary>
    void Rest();

    /// <summary>After a purge was committed: removes a part of what is left of the records, in a transaction of its own.</summary>
    /// <returns>Whether nothing is left to remove, and what kept it from being removed.</returns>
    (bool Done, Refusal? Failure) EraseSome();

    /// <summary>When nothing is left to remove: makes sure that no trace stays where the removed values were.</summary>
    /// <returns>What kept it from doing so.</returns>
    Refusal? Clean();

    /// <summary>Inside a transaction: what keeps the portal from being written to, in one word; <c>null</c> for nothing.</summary>
    /// <param name="failed">The last transaction failed: to be tried out in earnest.</param>
    string? Probe(bool failed);

    /// <summary>What an engine's failure means to a caller; <c>null</c> for one that is a fault of ours.</summary>
    Refusal? Translate(Exception failure);
}
