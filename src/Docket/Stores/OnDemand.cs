using Docket.Model;
using Microsoft.Extensions.Logging;

namespace Docket.Stores;

/// <summary>What a store has in memory of its portal: opened when it is first used, and closed while it is not in use.</summary>
/// <param name="open">Opens it. Throws an <see cref="OperatorMistake"/> if it can't be used.</param>
/// <param name="portal">The portal, for messages.</param>
/// <param name="clock">The time.</param>
/// <param name="logger">Receives what prevents its use, once, and that this is over.</param>
/// <param name="afterOpening">Called by the first user, who may use it too.</param>
internal sealed partial class OnDemand<T>(Func<T> open, long portal, TimeProvider clock, ILogger logger, Action? afterOpening = null) : IDisposable
    where T : class, IDisposable
{
    /// <summary>How long to wait before opening is retried, in milliseconds: each attempt may wait for a lock or a server.</summary>
    const int RetryMs = 1_000;

    // Held while it is opened or closed.
    readonly Lock gate = new();
    volatile T? opened;
    volatile OperatorMistake? trouble;
    bool disposed;
    int uses;
    long triedAt, usedAt;

    /// <summary>When it was last used, as a timestamp of the clock.</summary>
    public long UsedAt => Interlocked.Read(ref usedAt);

    /// <summary>What is open, not to be used unless it can't be closed; <c>null</c> for nothing.</summary>
    public T? Opened => opened;

    /// <summary>Whether the last attempt to open it failed.</summary>
    public bool IsInTrouble => trouble is not null;

    /// <summary>Opens it if it is not open. It stays open until the matching <see cref="Exit"/>.</summary>
    /// <exception cref="Refusal">It can't be used.</exception>
    public T Enter()
    {
        try
        {
            return EnterOrFail();
        }
        catch (OperatorMistake mistake)
        {
            throw new Refusal(Faults.PortalUnserved(portal, mistake.State));
        }
    }

    /// <summary>Like <see cref="Enter"/>, for the operator.</summary>
    /// <exception cref="OperatorMistake">It can't be used. The next attempt is at least a second later.</exception>
    public T EnterOrFail()
    {
        // Only one caller retries, after a pause. The others fail with the last error.
        var entered = false;
        if (trouble is { } met && (clock.GetElapsedTime(Interlocked.Read(ref triedAt)).TotalMilliseconds < RetryMs || !(entered = gate.TryEnter())))
        {
            throw met;
        }

        if (!entered)
        {
            gate.Enter();
        }

        T now;
        bool isNew;
        try
        {
            if (disposed)
            {
                throw new Refusal(Faults.ShuttingDown());
            }

            isNew = opened is null;
            now = opened ??= OpenNow();
            Interlocked.Increment(ref uses);
        }
        finally
        {
            gate.Exit();
        }

        if (isNew)
        {
            afterOpening?.Invoke();
        }

        return now;
    }

    public void Exit()
    {
        Interlocked.Exchange(ref usedAt, clock.GetTimestamp());
        Interlocked.Decrement(ref uses);
    }

    /// <summary>Uses it once.</summary>
    /// <exception cref="Refusal">It can't be used.</exception>
    public TResult Use<TResult>(Func<T, TResult> use)
    {
        var now = Enter();
        try
        {
            return use(now);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Looks at what is open, or at nothing, while it is neither opened nor closed.</summary>
    public TResult Look<TResult>(Func<T?, TResult> look)
    {
        lock (gate)
        {
            return look(opened);
        }
    }

    /// <summary>Closes it if it has been unused for this long, which releases its threads and memory.</summary>
    /// <param name="unusedFor">How long.</param>
    /// <param name="closing">Called before.</param>
    /// <param name="closed">Called afterwards.</param>
    public void CloseIfIdle(TimeSpan unusedFor, Action? closing = null, Action? closed = null)
    {
        lock (gate)
        {
            if (opened is { } idle && Volatile.Read(ref uses) == 0 && clock.GetElapsedTime(Interlocked.Read(ref usedAt)) >= unusedFor)
            {
                closing?.Invoke();
                opened = null;
                idle.Dispose();
                closed?.Invoke();
            }
        }
    }

    /// <summary>Closes it and does something while it is closed; <c>false</c> if it is in use.</summary>
    public bool TryWhileClosed(Action work, Action closing)
    {
        lock (gate)
        {
            if (Volatile.Read(ref uses) > 0)
            {
                return false;
            }

            if (opened is { } idle)
            {
                closing();
                opened = null;
                idle.Dispose();
            }

            work();
            return true;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            opened?.Dispose();
            opened = null;
        }
    }

    T OpenNow()
    {
        try
        {
            var now = open();
            if (trouble is not null)
            {
                LogServed(portal);
            }

            trouble = null;
            return now;
        }
        catch (OperatorMistake mistake)
        {
            if (trouble?.Message != mistake.Message)
            {
                LogUnserved(portal, mistake.Message);
            }

            Interlocked.Exchange(ref triedAt, clock.GetTimestamp());
            throw trouble = mistake;
        }
    }

    [LoggerMessage(LogLevel.Error, "Portal {Portal} is not served: {Reason}")]
    partial void LogUnserved(long portal, string reason);

    [LoggerMessage(LogLevel.Warning, "Portal {Portal} is served again")]
    partial void LogServed(long portal);
}
