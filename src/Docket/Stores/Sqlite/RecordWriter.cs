using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>Writes the planner's decisions: appends the changes, and tells the <see cref="Folder"/> what follows from them.</summary>
internal sealed class RecordWriter(Connection connection, SourceNumbers sources, Folder folder) : IDisposable
{
    readonly Statement forward = connection.Prepare("INSERT INTO forward (record, survivor, change) VALUES (?, ?, ?)");

    readonly Statement forwardOn = connection.Prepare("UPDATE forward SET survivor = ? WHERE survivor = ?");

    readonly RecordEraser eraser = new(connection);

    readonly Statement change = connection.Prepare(
        "INSERT INTO change (sequence, record, previous, kind, time, source, created, origin, trace, content, kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    readonly ValueWriter kept = new();

    /// <param name="plan">The plan, with at least one change.</param>
    /// <param name="type">The object type.</param>
    /// <param name="written">Receives the changes, for those who follow them.</param>
    public void Write(Plan plan, ObjectType type, List<FollowedChange> written)
    {
        var source = plan.Outcome.Batch.Source;
        var sourceNumber = sources.Number(connection, source);
        for (var i = 0; i < plan.Writes.Count; i++)
        {
            var write = plan.Writes[i];
            WriteChange(write, type, sourceNumber, source);
            SetHeads(write, type);
            written.Add(new(write.Kind, write.Record.LastChange, type.Number, write.Record.Id, write.Time, sourceNumber) { Content = write.Content, Before = write.Before?.Values ?? default });
            if (write.Kind == ChangeKind.Merge)
            {
                // The two before it are those of the records that were merged (ChangeKind).
                Forward(plan.Writes[i - 2].Record, write.Record, type);
                Forward(plan.Writes[i - 1].Record, write.Record, type);
            }
        }

        var last = plan.Writes[^1].Record.LastChange;
        foreach (var (value, holder) in plan.Holders) // copied, because a value may be in the body of a request
        {
            folder.Newest.SetHolder(HeldValue.Of(value.Property!, value.Value.ToArray()), last, holder is { } id ? RecordKey.Of(type, id, archived: false) : 0);
        }

        foreach (var (stage, by) in plan.StageMoves)
        {
            folder.Newest.MoveStage(type.Id, stage, by);
        }

        if (plan.Writes[0].Kind == ChangeKind.Purge) // then all writes are purges
        {
            eraser.Erase(plan.Writes, plan.Outcome.Batch.Schema); // all at once, because it searches much
            folder.FoldAtCommit(); // after a kill, nothing could tell which values have become free
        }
    }

    /// <summary>Appends a change of associations. Both records have it.</summary>
    /// <param name="tie">The change.</param>
    /// <param name="source">Its source.</param>
    /// <param name="written">Receives it, for those who follow the changes.</param>
    public void Write(PlannedTie tie, Source source, List<FollowedChange> written)
    {
        var (sourceNumber, content) = (sources.Number(connection, source), TieContent.Write(kept, tie.To.Type, tie.To.Id, tie.Types));
        var (from, to) = (RecordKey.Of(tie.From.Type, tie.From.Id, archived: false), RecordKey.Of(tie.To.Type, tie.To.Id, archived: false));
        change.Bind(tie.Sequence).Bind(from).BindNull().Bind((long)tie.Kind).Bind(tie.Time).Bind(sourceNumber).BindNull().BindNull().BindNull().Bind(content).BindNull().Run();
        folder.Newest.CountTie();
        foreach (var type in tie.Types)
        {
            folder.Newest.SetTie(from, tie.Sequence, type.Number, to, tie.Kind == ChangeKind.Associate);
            folder.Newest.SetTie(to, tie.Sequence, type.Inverse, from, tie.Kind == ChangeKind.Associate);
        }

        written.Add(new(tie.Kind, tie.Sequence, tie.From.Type, tie.From.Id, tie.Time, sourceNumber) { Content = content });
    }

    /// <inheritdoc cref="RecordEraser.EmptySome"/>
    public bool EmptySome(int max) => eraser.EmptySome(max);

    public void Dispose()
    {
        eraser.Dispose();
        foreach (var statement in (ReadOnlySpan<Statement>)[forward, forwardOn, change])
        {
            statement.Dispose();
        }
    }

    void SetHeads(in PlannedWrite write, ObjectType type)
    {
        var (id, change) = (write.Record.Id, write.Record.LastChange);
        switch (write.Kind)
        {
            case ChangeKind.Create or ChangeKind.Merge:
                Set(archived: false, change, isNew: true);
                break;
            case ChangeKind.Update:
                Set(archived: false, change);
                break;
            case ChangeKind.Archive or ChangeKind.Restore:
                var archived = write.Kind == ChangeKind.Archive;
                Set(!archived, 0);
                Set(archived, change, isNew: true);
                break;
            case ChangeKind.MergedAway:
                Set(archived: false, 0);
                break;
            case ChangeKind.Purge:
                Set(write.Record.ArchivedAt is not null, 0);
                break;
        }

        void Set(bool archived, long head, bool isNew = false) => folder.Newest.SetHead(RecordKey.Of(type, id, archived), change, head, isNew);
    }

    // All ids that led to the merged record now lead to its survivor: one step, however often records are merged.
    void Forward(Record merged, Record survivor, ObjectType type)
    {
        var (from, to) = (RecordKey.Of(type, merged.Id, archived: false), RecordKey.Of(type, survivor.Id, archived: false));
        forwardOn.Bind(to).Bind(from).Run();
        forward.Bind(from).Bind(to).Bind(merged.LastChange).Run();
    }

    void WriteChange(in PlannedWrite write, ObjectType type, long sourceNumber, Source source)
    {
        var record = write.Record;
        change.Bind(record.LastChange).Bind(RecordKey.Of(type, record.Id, archived: false)).Bind(write.Previous)
            .Bind((long)write.Kind).Bind(write.Time).Bind(sourceNumber);
        BindOrNull(record.CreatedAt, record.CreatedAt == write.Time);
        BindOrNull(record.Source == source ? 0 : sources.Number(connection, record.Source), record.Source == source);
        _ = write.TraceId is { } trace ? change.Bind(trace.Span) : change.BindNull();
        change.Bind(write.Content.Span);
        if (write.Kind is ChangeKind.Update or ChangeKind.Archive or ChangeKind.Restore)
        {
            change.Bind(RecordRows.Kept(record, kept)).Run();
        }
        else
        {
            change.BindNull().Run();
        }

        void BindOrNull(long value, bool isNull) => change.Bind(isNull ? null : value);
    }
}
