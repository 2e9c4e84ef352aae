using System.Runtime.InteropServices;

namespace Docket.Stores;

/// <summary>Calls that a process has just let in.</summary>
/// <param name="PortalId">The portal.</param>
/// <param name="AppId">The app; <c>null</c> for searches, of whatever app.</param>
/// <param name="Calls">How many.</param>
internal readonly record struct RecentCalls(long PortalId, long? AppId, int Calls);

/// <summary>
/// The calls that count toward limits in a few seconds, shared by the processes that serve the same portals. Each reports what it lets
/// in at once, behind the call, and then at intervals as long as there are calls. Nothing waits for a report.
/// </summary>
/// <param name="report">Sends calls to the other processes.</param>
/// <param name="clock">The time.</param>
internal sealed class SharedCalls(Func<IReadOnlyCollection<RecentCalls>, Task> report, TimeProvider clock)
{
    /// <summary>The pause after a report.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    readonly Lock gate = new();
    readonly Dictionary<(long Portal, long? App), int> unreported = [];
    bool isReporting;

    /// <summary>Raised for calls that another process has let in.</summary>
    public event Action<RecentCalls>? Heard;

    /// <summary>Adds a call that this process has let in.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="appId">The app; <c>null</c> for a search.</param>
    public void Add(long portalId, long? appId)
    {
        lock (gate)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(unreported, (portalId, appId), out _)++;
            if (!isReporting)
            {
                isReporting = true;
                _ = Task.Run(ReportAsync);
            }
        }
    }

    /// <summary>Takes over calls that another process has reported.</summary>
    public void Hear(RecentCalls calls) => Heard?.Invoke(calls);

    async Task ReportAsync()
    {
        while (Take() is { Length: > 0 } calls)
        {
            try
            {
                await report(calls);
            }
            catch (Exception)
            {
                // The others miss these calls. A request that can't reach the database either reports what is wrong with it.
            }

            await Task.Delay(Pause, clock);
        }
    }

    RecentCalls[] Take()
    {
        lock (gate)
        {
            RecentCalls[] calls = [.. unreported.Select(each => new RecentCalls(each.Key.Portal, each.Key.App, each.Value))];
            unreported.Clear();
            isReporting = calls.Length > 0;
            return calls;
        }
    }
}
