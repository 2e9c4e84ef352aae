using Docket.Model;
using Docket.Stores.Control;

namespace Docket.Stores.Moving;

/// <summary>A data directory or a database with portals, for moves from or to it.</summary>
internal interface IPortalHome : IAsyncDisposable
{
    /// <summary>Its name for messages, without secrets.</summary>
    string Name { get; }

    /// <summary>Explains a failure of its own to the operator; <c>null</c> for any other.</summary>
    OperatorMistake? Explain(Exception failure);

    /// <summary>Reads from the control plane.</summary>
    ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read);

    /// <summary>The history of a portal and its newest change; <c>null</c> if the control plane has no such portal.</summary>
    ValueTask<(string History, long Sequence)?> FindAsync(long portal);

    /// <summary>Opens a portal to read it as it is now, after finishing permanent deletions.</summary>
    /// <exception cref="OperatorMistake">It can't be read.</exception>
    ValueTask<IPortalRows> OpenAsync(long portal);

    /// <summary>Begins a copy that nobody sees, or continues one.</summary>
    /// <param name="portal">The portal.</param>
    /// <param name="history">Its history.</param>
    /// <param name="restart">Delete what an earlier attempt has copied.</param>
    /// <exception cref="OperatorMistake">There is an unfinished copy of another history.</exception>
    ValueTask<IPortalCopy> PrepareAsync(long portal, string history, bool restart);

    /// <summary>Writes to the control plane, and lets a complete copy be seen, both in one transaction.</summary>
    ValueTask<T> PublishAsync<T>(long portal, Func<ControlConnection, ValueTask<T>> write);
}

/// <summary>The rows of a portal, all as of one commit. Only for one thread.</summary>
internal interface IPortalRows : IDisposable
{
    /// <summary>Identifies what sequence numbers refer to.</summary>
    string History { get; }

    /// <summary>The newest change.</summary>
    long Sequence { get; }

    /// <summary>The number of the newest job, which may not exist any more.</summary>
    long Jobs { get; }

    /// <summary>Reads rows in order of their keys.</summary>
    /// <param name="table">The table.</param>
    /// <param name="after">For changes: the sequence number before the first.</param>
    IEnumerable<object?[]> Read(MovedTable table, long after = 0);
}

/// <summary>A copy of a portal in progress. Only for one thread.</summary>
internal interface IPortalCopy : IDisposable
{
    /// <summary>The newest change that it has.</summary>
    long Sequence { get; }

    /// <summary>Whether rows of a table are added, and not derived.</summary>
    bool Takes(MovedTable table);

    /// <summary>Deletes the rows of a table other than the changes.</summary>
    void Clear(MovedTable table);

    /// <summary>Adds rows, in one transaction. Changes must follow on the newest one.</summary>
    void Append(MovedTable table, List<object?[]> rows);

    /// <summary>After everything was added: completes what follows from it.</summary>
    /// <param name="jobs">The number of the newest job.</param>
    void Complete(long jobs);

    /// <summary>Reads the copy.</summary>
    IPortalRows Open();
}
