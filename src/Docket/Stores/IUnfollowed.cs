namespace Docket.Stores;

/// <summary>
/// The records whose newest values some of the records that show them have not taken over yet. Each is a row, so a stop loses none. Used only inside
/// the transactions of a portal's writer, and undone with them.
/// </summary>
internal interface IUnfollowed
{
    /// <summary>Whether there are any.</summary>
    bool Any { get; }

    /// <summary>Notes a record. What was noted of it earlier stays if it begins sooner.</summary>
    /// <param name="record">Its key.</param>
    /// <param name="after">The associated records with keys after this one are still to follow.</param>
    void Note(long record, long after);

    /// <summary>Those among some records, by their keys.</summary>
    IReadOnlySet<long> Among(IReadOnlyCollection<long> records);

    /// <summary>The first one after a key, or if there is none the first one of all; <c>null</c> if there are none.</summary>
    (long Record, long After)? Next(long record);

    /// <summary>Sets how far a record has been followed.</summary>
    /// <param name="record">Its key.</param>
    /// <param name="after">As for <see cref="Note"/>; <c>null</c> for completely.</param>
    void Advance(long record, long? after);
}
