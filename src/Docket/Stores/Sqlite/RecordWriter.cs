using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>Writes the planner's decisions: plain inserts, updates and deletes.</summary>
internal sealed class RecordWriter(Connection connection, SourceNumbers sources) : IDisposable
{
    readonly Statement insert = connection.Prepare(
        "INSERT INTO record (key, created, updated, source, first_change, last_change, content) VALUES (?, ?, ?, ?, ?, ?, ?)");

    readonly Statement update = connection.Prepare(
        "UPDATE record SET created = ?, updated = ?, last_change = ?, content = ? WHERE key = ?");

    readonly Statement archive = connection.Prepare(
        "UPDATE record SET key = ?, updated = ?, archived = ?, last_change = ? WHERE key = ?");

    readonly Statement restore = connection.Prepare(
        "UPDATE record SET key = ?, created = ?, updated = ?, archived = NULL, last_change = ?, content = ? WHERE key = ?");

    readonly Statement delete = connection.Prepare("DELETE FROM record WHERE key = ?");

    readonly Statement forward = connection.Prepare("INSERT INTO forward (record, survivor, change) VALUES (?, ?, ?)");

    readonly Statement forwardOn = connection.Prepare("UPDATE forward SET survivor = ? WHERE survivor = ?");

    readonly RecordEraser eraser = new(connection);

    readonly Statement change = connection.Prepare(
        "INSERT INTO change (sequence, record, previous, kind, time, source, trace, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

    readonly Statement release = connection.Prepare("DELETE FROM unique_value WHERE property = ? AND value = ?");

    readonly Statement claim = connection.Prepare("INSERT INTO unique_value (property, value, record) VALUES (?, ?, ?)");

    readonly Statement moveStage = connection.Prepare(
        "INSERT INTO stage_use (object_type, stage, records) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records");

    /// <param name="plan">The plan.</param>
    /// <param name="type">The object type.</param>
    /// <param name="source">The source of the changes.</param>
    /// <param name="written">Receives the changes, for those who follow them.</param>
    public void Write(Plan plan, ObjectType type, Source source, List<FollowedChange> written)
    {
        if (plan.Writes.Count == 0)
        {
            return;
        }

        var sourceNumber = sources.Number(connection, source);
        for (var i = 0; i < plan.Writes.Count; i++)
        {
            var write = plan.Writes[i];
            WriteRecord(write, type, sourceNumber);
            WriteChange(write, type, sourceNumber);
            written.Add(new(write.Kind, write.Record.LastChange, type.Number, write.Record.Id, write.Time, sourceNumber) { Content = write.Content, Before = write.Before });
            if (write.Kind == ChangeKind.Merge)
            {
                // The two before it are those of the records that were merged (ChangeKind).
                Forward(plan.Writes[i - 2].Record, write.Record, type);
                Forward(plan.Writes[i - 1].Record, write.Record, type);
            }
        }

        if (plan.Writes[0].Kind == ChangeKind.Purge) // then all writes are purges: their other data is searched only once
        {
            eraser.Erase(plan.Writes, plan.Outcome.Batch.Schema);
        }

        foreach (var (value, holder) in plan.Holders)
        {
            if (holder is { } id)
            {
                claim.Bind(value.Property!.Number).Bind(value.Value.Span).Bind(RecordKey.Of(type, id, archived: false)).Run();
            }
            else
            {
                release.Bind(value.Property!.Number).Bind(value.Value.Span).Run();
            }
        }

        foreach (var (stage, by) in plan.StageMoves)
        {
            moveStage.Bind(type.Id).Bind(stage).Bind(by).Run();
        }
    }

    /// <inheritdoc cref="RecordEraser.EmptySome"/>
    public bool EmptySome(int max) => eraser.EmptySome(max);

    public void Dispose()
    {
        eraser.Dispose();
        foreach (var statement in (ReadOnlySpan<Statement>)[insert, update, archive, restore, delete, forward, forwardOn, change, release, claim, moveStage])
        {
            statement.Dispose();
        }
    }

    void WriteRecord(in PlannedWrite write, ObjectType type, long sourceNumber)
    {
        var record = write.Record;
        var key = RecordKey.Of(type, record.Id, archived: false);
        switch (write.Kind)
        {
            case ChangeKind.Create:
                insert.Bind(key).Bind(record.CreatedAt).Bind(record.UpdatedAt).Bind(sourceNumber)
                    .Bind(record.FirstChange).Bind(record.LastChange).Bind(record.Values.Span).Run();
                break;
            case ChangeKind.Update:
                update.Bind(record.CreatedAt).Bind(record.UpdatedAt).Bind(record.LastChange).Bind(record.Values.Span).Bind(key).Run();
                break;
            case ChangeKind.Archive:
                archive.Bind(RecordKey.Of(type, record.Id, archived: true)).Bind(record.UpdatedAt).Bind(record.ArchivedAt)
                    .Bind(record.LastChange).Bind(key).Run();
                break;
            case ChangeKind.Restore:
                restore.Bind(key).Bind(record.CreatedAt).Bind(record.UpdatedAt).Bind(record.LastChange).Bind(record.Values.Span)
                    .Bind(RecordKey.Of(type, record.Id, archived: true)).Run();
                break;
            case ChangeKind.Merge:
                insert.Bind(key).Bind(record.CreatedAt).Bind(record.UpdatedAt).Bind(sources.Number(connection, record.Source))
                    .Bind(record.FirstChange).Bind(record.LastChange).Bind(record.Values.Span).Run();
                break;
            case ChangeKind.MergedAway:
                delete.Bind(key).Run();
                break;
            case ChangeKind.Purge:
                delete.Bind(RecordKey.Of(type, record.Id, archived: record.ArchivedAt is not null)).Run();
                break;
        }
    }

    // All ids that led to the merged record now lead to its survivor: one step, however often records are merged.
    void Forward(Record merged, Record survivor, ObjectType type)
    {
        var (from, to) = (RecordKey.Of(type, merged.Id, archived: false), RecordKey.Of(type, survivor.Id, archived: false));
        forwardOn.Bind(to).Bind(from).Run();
        forward.Bind(from).Bind(to).Bind(merged.LastChange).Run();
    }

    void WriteChange(in PlannedWrite write, ObjectType type, long sourceNumber)
    {
        change.Bind(write.Record.LastChange).Bind(RecordKey.Of(type, write.Record.Id, archived: false)).Bind(write.Previous)
            .Bind((long)write.Kind).Bind(write.Time).Bind(sourceNumber);
        if (write.TraceId is { } trace)
        {
            change.Bind(trace.Span);
        }
        else
        {
            change.BindNull();
        }

        change.Bind(write.Content.Span).Run();
    }
}
