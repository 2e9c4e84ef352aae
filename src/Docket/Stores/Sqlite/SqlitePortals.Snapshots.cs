using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Moving;

namespace Docket.Stores.Sqlite;

/// <summary>Snapshots: copies of portals' files while they are closed, and of what the registry has of them.</summary>
internal sealed partial class SqlitePortals : ISnapshots
{
    /// <summary>How long a snapshot waits for the end of requests to its portal, and how often it looks, in milliseconds.</summary>
    const int BusyMaxMs = 5_000, BusyStepMs = 2;

    readonly ConcurrentDictionary<string, (Snapshot Snapshot, PortalImage Image, ControlRows Rows, PortalClock.Setting? Clock)> snapshots = new();

    /// <summary>The beginnings of the portals that were created since the start; without an image, they were empty.</summary>
    readonly ConcurrentDictionary<long, (PortalImage? Image, ControlRows? Rows, PortalClock.Setting? Clock)> beginnings = new();

    /// <summary>Held while the files of a portal are copied or replaced.</summary>
    readonly ConcurrentDictionary<long, Lock> copying = new();

    readonly Lazy<PortalImage> empty;
    long lastSnapshot, lastImage;

    public ISnapshots? Snapshots => this;

    string ImageDirectory => Path.Combine(directory, "snapshots");

    ImmutableArray<Snapshot> ISnapshots.List(long portalId) =>
        [.. snapshots.Values.Select(one => one.Snapshot).Where(snapshot => snapshot.PortalId == portalId).OrderBy(snapshot => snapshot.CreatedAt).ThenBy(snapshot => snapshot.Id.Length).ThenBy(snapshot => snapshot.Id, StringComparer.Ordinal)];

    Snapshot? ISnapshots.Find(string id) => snapshots.TryGetValue(id, out var found) ? found.Snapshot : null;

    async Task<Snapshot> ISnapshots.TakeAsync(long portalId, string name, CancellationToken cancellation)
    {
        var image = await TakeAsync(portalId, cancellation);
        var rows = registry.Read(opened => ControlRows.ReadAsync(opened, portalId)) ?? throw new Refusal(Faults.ResourceNotFound());
        var snapshot = new Snapshot(Interlocked.Increment(ref lastSnapshot).ToString(), name, portalId, Instant.Now(clock));
        snapshots[snapshot.Id] = (snapshot, image, rows, Clocks.Of(portalId).Difference);
        return snapshot;
    }

    async Task<PortalImage> TakeAsync(long portalId, CancellationToken cancellation)
    {
        var image = NewImage();
        for (var began = clock.GetTimestamp(); !TryTake(portalId, image); await Task.Delay(TimeSpan.FromMilliseconds(BusyStepMs), clock, cancellation))
        {
            if (clock.GetElapsedTime(began).TotalMilliseconds > BusyMaxMs)
            {
                throw new Refusal(Faults.PortalBusy(portalId));
            }
        }

        return image;
    }

    bool TryTake(long portalId, PortalImage image)
    {
        lock (copying.GetOrAdd(portalId, _ => new()))
        {
            return StoreOf(portalId).TryWhileClosed(() => image.CopyFrom(PathOf(portalId)));
        }
    }

    bool ISnapshots.Delete(string id)
    {
        if (!snapshots.TryRemove(id, out var removed))
        {
            return false;
        }

        removed.Image.Release();
        return true;
    }

    async ValueTask<Portal> ISnapshots.CreateAsync(string name, Snapshot from)
    {
        if (!snapshots.TryGetValue(from.Id, out var found) || !found.Image.TryUse())
        {
            throw new Refusal(Faults.ResourceNotFound());
        }

        try
        {
            return await registry.WriteAsync(async opened =>
            {
                var portal = await CreateAsync(opened, name, found.Image);
                await found.Rows.SetUpAsync(opened, portal.Id);
                beginnings[portal.Id] = (found.Image, null, Clocks.Of(portal.Id).Difference = found.Clock);
                return portal;
            });
        }
        catch
        {
            found.Image.Release();
            throw;
        }
    }

    async ValueTask ISnapshots.BeginAsync(long portalId, bool isFilled)
    {
        if (!beginnings.TryGetValue(portalId, out var beginning))
        {
            return;
        }

        var image = beginning.Image;
        if (isFilled)
        {
            image = await TakeAsync(portalId, CancellationToken.None);
            beginning.Image?.Release();
        }

        beginnings[portalId] = beginning with { Image = image, Rows = registry.Read(opened => ControlRows.ReadAsync(opened, portalId)) };
    }

    ValueTask ISnapshots.RewindAsync(long portalId, Snapshot? to)
    {
        var (image, rows, time) = to is null ? beginnings.TryGetValue(portalId, out var beginning) && beginning.Rows is not null ? (beginning.Image ?? empty.Value, beginning.Rows, beginning.Clock) : throw new Refusal(Faults.BeginningUnknown())
            : snapshots.TryGetValue(to.Id, out var found) && found.Snapshot.PortalId == portalId ? (found.Image, found.Rows, found.Clock) : throw new Refusal(Faults.ResourceNotFound());
        if (!image.TryUse())
        {
            throw new Refusal(Faults.ResourceNotFound()); // deleted at this moment
        }

        try
        {
            lock (copying.GetOrAdd(portalId, _ => new()))
            {
                Rewind(portalId, image, rows);
                Clocks.Of(portalId).Difference = time;
            }
        }
        finally
        {
            image.Release();
        }

        return ValueTask.CompletedTask;
    }

    // The new store replaces the files when it opens them. Requests that arrive in the meantime wait for that.
    void Rewind(long portalId, PortalImage image, ControlRows rows)
    {
        var (path, old, identified) = (PathOf(portalId), StoreOf(portalId), false);
        var next = new SqliteStore(path, types, Clocks.Of(portalId), logger, busyTimeoutMs, instruments, portalId, Identify, prepare: () =>
        {
            old.Abandon();
            image.CopyTo(path);
        });
        registry.Write(async opened =>
        {
            await rows.ReplaceAsync(opened);
            return true;
        });
        stores[portalId] = next;
        next.Open();

        // Sequence numbers are given again from here on.
        Identity Identify(Connection file)
        {
            if (identified)
            {
                return this.Identify(file, portalId, path);
            }

            var identity = Identity.Renew(file, portalId, registry.Identity);
            registry.Write(opened => SetFileAsync(opened, portalId, identity.File), changesCallers: static _ => false);
            identified = true;
            return identity;
        }
    }

    // A new portal is a copy: creating its tables takes ten times as long.
    Identity CreateFile(string path, long portalId, PortalImage image)
    {
        image.CopyTo(path);
        return Engine.Open(
            path, "portal", busyTimeoutMs,
            connection =>
            {
                using (connection)
                {
                    return Identity.Renew(connection, portalId, registry.Identity);
                }
            },
            create: false);
    }

    PortalImage MakeEmpty()
    {
        var image = NewImage();
        SqliteStore.Create(image.Path, 0, registry.Identity, busyTimeoutMs, PageSize);
        return image;
    }

    PortalImage NewImage()
    {
        DataDirectory.Create(ImageDirectory);
        return new(Path.Combine(ImageDirectory, $"{Interlocked.Increment(ref lastImage)}.db"));
    }

    // Also what a server that was killed left.
    void DeleteImages()
    {
        if (Directory.Exists(ImageDirectory))
        {
            Directory.Delete(ImageDirectory, recursive: true);
        }
    }

    void ForgetBeginning(long portalId)
    {
        if (beginnings.TryRemove(portalId, out var beginning))
        {
            beginning.Image?.Release();
        }

        copying.TryRemove(portalId, out _);
    }
}
