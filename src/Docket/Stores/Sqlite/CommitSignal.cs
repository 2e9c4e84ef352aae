namespace Docket.Stores.Sqlite;

/// <summary>How far a portal has got, for those who follow its changes: the newest committed sequence number, and a wait for the next one.</summary>
internal sealed class CommitSignal
{
    readonly Lock gate = new();
    TaskCompletionSource? next;
    long sequence;

    /// <summary>Sequence number of the newest committed change, 0 before the first.</summary>
    public long Sequence => Interlocked.Read(ref sequence);

    /// <summary>For the writer, after a commit.</summary>
    public void Advance(long committed)
    {
        TaskCompletionSource? reached;
        lock (gate)
        {
            if (committed == sequence)
            {
                return;
            }

            Interlocked.Exchange(ref sequence, committed);
            (reached, next) = (next, null);
        }

        reached?.SetResult();
    }

    /// <summary>Completes once there is a change with a greater number than <paramref name="after"/>.</summary>
    public async Task WaitBeyondAsync(long after, CancellationToken cancellation)
    {
        while (Sequence <= after)
        {
            Task reached;
            lock (gate)
            {
                if (sequence > after)
                {
                    return;
                }

                next ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                reached = next.Task;
            }

            await reached.WaitAsync(cancellation);
        }
    }
}
