using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>Signals progress through a portal's changes: the number of the newest one that is done, and a wait for the next.</summary>
internal sealed class CommitSignal
{
    readonly object gate = new();
    TaskCompletionSource? next;
    long sequence;
    int returns;
    bool woken, ended;

    /// <summary>Sequence number of the newest change that is done, 0 before the first.</summary>
    public long Sequence => Interlocked.Read(ref sequence);

    /// <summary>How often the number has returned to an earlier one.</summary>
    public int Returns => Volatile.Read(ref returns);

    /// <summary>Reports progress, or a return to an earlier number.</summary>
    public void Advance(long done) => Advance(done, onlyForward: false);

    /// <summary>Reports progress, unless a greater number has already been reported.</summary>
    public void Reach(long done) => Advance(done, onlyForward: true);

    void Advance(long done, bool onlyForward)
    {
        TaskCompletionSource? reached;
        lock (gate)
        {
            if (done == sequence || (onlyForward && done < sequence))
            {
                return;
            }

            returns += done < sequence ? 1 : 0;
            Interlocked.Exchange(ref sequence, done);
            (reached, next) = (next, null);
            Monitor.PulseAll(gate);
        }

        reached?.SetResult();
    }

    /// <summary>Ends the current wait of a thread, or its next one.</summary>
    public void Wake()
    {
        lock (gate)
        {
            woken = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Ends all waits, now and later: there will be no more progress.</summary>
    public void End()
    {
        TaskCompletionSource? reached;
        lock (gate)
        {
            ended = true;
            (reached, next) = (next, null);
        }

        reached?.SetResult();
    }

    /// <summary>Blocks a dedicated thread until there is a number greater than <paramref name="after"/>, or for this many milliseconds.</summary>
    public void WaitBeyond(long after, int milliseconds)
    {
        lock (gate)
        {
            if (sequence <= after && !woken)
            {
                Monitor.Wait(gate, milliseconds);
            }

            woken = false;
        }
    }

    /// <summary>Completes when there is a number greater than <paramref name="after"/>.</summary>
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

                if (ended)
                {
                    throw new Refusal(Faults.ShuttingDown());
                }

                next ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                reached = next.Task;
            }

            await reached.WaitAsync(cancellation);
        }
    }
}
