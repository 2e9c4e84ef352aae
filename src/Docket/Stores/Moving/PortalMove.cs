using System.Collections.Immutable;
using System.Threading.Channels;
using Docket.Model;
using Docket.Stores.Control;

namespace Docket.Stores.Moving;

/// <summary>How far a move is.</summary>
/// <param name="Work">What is being done.</param>
/// <param name="Done">Rows so far.</param>
/// <param name="All">Rows in all; <c>null</c> if unknown.</param>
internal readonly record struct MoveProgress(string Work, long Done, long? All);

/// <summary>A table on both sides, compared.</summary>
internal sealed record MovedCount(string Table, long Rows, string Checksum);

/// <summary>A portal that was moved.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Sequence">The newest change that was moved.</param>
/// <param name="Tables">What was compared; empty if the portal had already been moved.</param>
/// <param name="GrantsLeft">Grants between this portal and portals that haven't been moved.</param>
internal sealed record MovedPortal(long Id, string Name, long Sequence, ImmutableArray<MovedCount> Tables, int GrantsLeft);

/// <summary>
/// Copies portals from one home to another: first the changes, in order, so that an interrupted copy continues where it was, then all
/// other tables. Both sides are compared before the portal is visible. Needs memory for a few batches of rows, whatever the portal's size.
/// </summary>
internal sealed class PortalMove(IPortalHome from, IPortalHome to, Action<MoveProgress> report)
{
    /// <summary>Most rows and bytes of values in a batch, which is one transaction.</summary>
    const int BatchRows = 5_000, BatchBytes = 4 << 20;

    /// <summary>Batches that wait while one is read and another is written.</summary>
    const int BatchesAhead = 1;

    /// <summary>Rows between two reports while both sides are compared.</summary>
    const int ReportRows = 10_000;

    bool isBegun;

    /// <summary>Moves a portal.</summary>
    /// <param name="portal">Its id.</param>
    /// <param name="restart">Delete what an earlier attempt has copied.</param>
    /// <param name="cancellation">Interrupts the move.</param>
    /// <exception cref="OperatorMistake">It can't be moved; the message says why.</exception>
    public async Task<MovedPortal> RunAsync(long portal, bool restart, CancellationToken cancellation)
    {
        try
        {
            return await MoveAsync(portal, restart, cancellation);
        }
        catch (Exception failure) when ((from.Explain(failure) ?? to.Explain(failure)) is { } explained)
        {
            throw isBegun ? new OperatorMistake($"{explained.Message} Then run the same command again: it continues where it was.") : explained;
        }
    }

    async Task<MovedPortal> MoveAsync(long portal, bool restart, CancellationToken cancellation)
    {
        var control = await ReadControlAsync(portal);
        using var rows = await from.OpenAsync(portal);
        if (await to.FindAsync(portal) is { } there && there.History == rows.History)
        {
            return there.Sequence >= rows.Sequence ? new(portal, control.PortalName, there.Sequence, [], 0)
                : throw new OperatorMistake($"Portal {portal} has already been moved to {to.Name}, up to change {there.Sequence}. {from.Name} has {rows.Sequence - there.Sequence} newer changes, which a move does not add.");
        }

        _ = await to.ReadAsync(opened => RefuseObstaclesAsync(control, opened));
        using var copy = await to.PrepareAsync(portal, rows.History, restart);
        isBegun = true;
        if (copy.Sequence > rows.Sequence)
        {
            throw new OperatorMistake($"The unfinished copy in {to.Name} has changes that {from.Name} does not have. Add --restart to begin again.");
        }

        await CopyAsync(rows, copy, MovedTable.Changes, cancellation);
        foreach (var table in MovedTable.Others.Where(copy.Takes))
        {
            copy.Clear(table);
            await CopyAsync(rows, copy, table, cancellation);
        }

        copy.Complete(rows.Jobs);
        var tables = await Task.Run(() => Compare(rows, copy, cancellation), cancellation);
        copy.Dispose();
        control = await ReadControlAsync(portal); // a token may have been revoked since the copy began
        var left = await to.PublishAsync(portal, async opened =>
        {
            _ = await RefuseObstaclesAsync(control, opened); // others may have used the ids
            return await control.AddAsync(opened);
        });
        return new(portal, control.PortalName, rows.Sequence, tables, left);
    }

    async ValueTask<ControlRows> ReadControlAsync(long portal) =>
        await from.ReadAsync(opened => ControlRows.ReadAsync(opened, portal)) ?? throw new OperatorMistake($"{from.Name} has no portal {portal}.");

    async ValueTask<bool> RefuseObstaclesAsync(ControlRows control, ControlConnection target) => await control.ObstacleAsync(target) is { } obstacle
        ? throw new OperatorMistake($"Portal {control.Portal} can't be moved to {to.Name}: {obstacle}. Move it to a new data directory or an empty database.") : true;

    // Reads on one thread while it writes on another.
    async Task CopyAsync(IPortalRows rows, IPortalCopy copy, MovedTable table, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var batches = Channel.CreateBounded<List<object?[]>>(BatchesAhead);
        var reading = Task.Run(() => ReadAsync(rows.Read(table, table == MovedTable.Changes ? copy.Sequence : 0), batches.Writer, stop.Token), stop.Token);
        try
        {
            var done = 0L;
            Report();
            await foreach (var batch in batches.Reader.ReadAllAsync(stop.Token))
            {
                copy.Append(table, batch);
                done += batch.Count;
                Report();
            }

            void Report() => report(new($"Copying {table.Name}", table == MovedTable.Changes ? copy.Sequence : done, table == MovedTable.Changes ? rows.Sequence : null));
        }
        finally
        {
            await stop.CancelAsync();
            await reading.ContinueWith(static _ => { }, TaskScheduler.Default); // its failure has come through the channel
        }
    }

    static async Task ReadAsync(IEnumerable<object?[]> rows, ChannelWriter<List<object?[]>> batches, CancellationToken cancellation)
    {
        Exception? failed = null;
        try
        {
            var (batch, bytes) = (new List<object?[]>(), 0L);
            foreach (var row in rows)
            {
                batch.Add(row);
                bytes += SizeOf(row);
                if (batch.Count >= BatchRows || bytes >= BatchBytes)
                {
                    await batches.WriteAsync(batch, cancellation);
                    (batch, bytes) = ([], 0);
                }
            }

            if (batch.Count > 0)
            {
                await batches.WriteAsync(batch, cancellation);
            }
        }
        catch (Exception failure)
        {
            failed = failure;
        }

        batches.Complete(failed);
    }

    static long SizeOf(object?[] row)
    {
        var size = 0L;
        foreach (var cell in row)
        {
            size += cell switch
            {
                byte[] bytes => bytes.Length,
                string text => 2 * text.Length,
                (long, int)[] names => 16 * names.Length,
                _ => 0,
            };
        }

        return size;
    }

    ImmutableArray<MovedCount> Compare(IPortalRows rows, IPortalCopy copy, CancellationToken cancellation)
    {
        using var copied = copy.Open();
        if (copied.History != rows.History || copied.Sequence != rows.Sequence || copied.Jobs != rows.Jobs)
        {
            throw Differs("its history", null);
        }

        var counts = ImmutableArray.CreateBuilder<MovedCount>();
        foreach (var table in (ReadOnlySpan<MovedTable>)[MovedTable.Changes, .. MovedTable.Others])
        {
            using var left = new RowDigest();
            using var right = new RowDigest();
            using var theirs = copied.Read(table).GetEnumerator();
            Report();
            foreach (var row in rows.Read(table))
            {
                cancellation.ThrowIfCancellationRequested();
                if (!theirs.MoveNext() || !left.Add(row).SequenceEqual(right.Add(theirs.Current)))
                {
                    throw Differs(table.Name, row);
                }

                if (left.Rows % ReportRows == 0)
                {
                    Report();
                }
            }

            if (theirs.MoveNext() || left.ToString() != right.ToString())
            {
                throw Differs(table.Name, null);
            }

            Report();
            counts.Add(new(table.Name, left.Rows, left.ToString()));

            void Report() => report(new($"Comparing {table.Name}", left.Rows, table == MovedTable.Changes ? rows.Sequence : null));
        }

        return counts.DrainToImmutable();

        OperatorMistake Differs(string what, object?[]? row) => new(
            $"The copy in {to.Name} differs from {from.Name} in {what}{(row is null ? "" : $", at {row[0]}")}. It is not used. If a backup was restored since the copy began, add --restart to begin again.");
    }
}
