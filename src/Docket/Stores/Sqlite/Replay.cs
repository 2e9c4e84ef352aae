using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// At the opening of a file: works out what follows from the changes that the tables don't contain yet, as <see cref="RecordWriter"/> did
/// when they were written. A file that was closed has none.
/// </summary>
internal sealed class Replay : IDisposable
{
    readonly PortalSchema schema;
    readonly Unfolded unfolded;
    readonly RecordRows rows;
    readonly Statement after;

    Replay(Connection connection, SourceNumbers sources, PortalSchema schema, Unfolded unfolded)
    {
        this.schema = schema;
        this.unfolded = unfolded;
        rows = new(connection, sources);
        after = connection.Prepare("SELECT sequence, record, kind, content FROM change WHERE sequence > ? ORDER BY sequence");
    }

    /// <summary>Reads the changes after the last fold into memory.</summary>
    public static Fold Run(Connection connection, SourceNumbers sources, PortalSchema schema)
    {
        var (folded, steps) = (connection.QueryInteger("SELECT sequence FROM fold"), connection.QueryInteger("SELECT steps FROM fold"));
        var unfolded = new Unfolded(folded);
        using var replay = new Replay(connection, sources, schema, unfolded);
        unfolded.Commit(replay.From(folded));
        return new(steps, unfolded, null);
    }

    public void Dispose()
    {
        rows.Dispose();
        after.Dispose();
    }

    long From(long sequence)
    {
        after.Bind(sequence);
        while (after.Step())
        {
            sequence = after.Integer(0);
            Follow(sequence, after.Integer(1), (ChangeKind)after.Integer(2), after.Blob(3));
        }

        return sequence;
    }

    void Follow(long sequence, long active, ChangeKind kind, ReadOnlySpan<byte> changed)
    {
        if (kind.IsTie())
        {
            FollowTie(sequence, active, kind, changed);
            return;
        }

        var number = RecordKey.TypeOf(active);
        var type = schema.Find(number) ?? throw SqliteFailure.Damaged($"change {sequence} has the unknown object type {number}");
        var archived = RecordKey.Of(number, RecordKey.IdOf(active), archived: true);
        switch (kind)
        {
            case ChangeKind.Create or ChangeKind.Merge:
                unfolded.SetHead(active, sequence, sequence, isNew: true);
                Enter(changed);
                break;
            case ChangeKind.Update:
                unfolded.SetHead(active, sequence, sequence, isNew: false);
                Change(changed);
                break;
            case ChangeKind.Archive:
                unfolded.SetHead(active, sequence, 0, isNew: false);
                unfolded.SetHead(archived, sequence, sequence, isNew: true);
                Leave(rows.Read(sequence).Values.Span);
                break;
            case ChangeKind.Restore:
                unfolded.SetHead(archived, sequence, 0, isNew: false);
                unfolded.SetHead(active, sequence, sequence, isNew: true);
                Enter(rows.Read(sequence).Values.Span);
                break;
            case ChangeKind.MergedAway:
                unfolded.SetHead(active, sequence, 0, isNew: false);
                Leave(changed);
                break;
            case ChangeKind.Purge:
                throw SqliteFailure.Damaged($"what follows from change {sequence} is missing"); // its own transaction writes it
        }

        void Enter(ReadOnlySpan<byte> values)
        {
            HoldAll(values, active);
            Move(StageIn(values), 1);
        }

        void Leave(ReadOnlySpan<byte> values)
        {
            HoldAll(values, 0);
            Move(StageIn(values), -1);
        }

        void Change(ReadOnlySpan<byte> values)
        {
            var set = new ValueReader(values);
            while (set.Next())
            {
                var isStage = set.Number == type.Stages?.Stage.Number;
                if (!isStage && schema.FindNumberEvenArchived(set.Number) is not { Unique: true })
                {
                    continue;
                }

                var before = set.Link == 0 ? [] : rows.ValueSetBy(sequence - set.Link, set.Number);
                if (isStage)
                {
                    Move(before, -1);
                    Move(set.Value, 1);
                }
                else
                {
                    Hold(set.Number, before, 0);
                }
            }

            HoldAll(values, active); // after all are released: a value may move from one property to another
        }

        void HoldAll(ReadOnlySpan<byte> values, long key)
        {
            var all = new ValueReader(values);
            while (all.Next())
            {
                Hold(all.Number, all.Value, key);
            }
        }

        void Hold(int number, ReadOnlySpan<byte> value, long key)
        {
            if (schema.FindNumberEvenArchived(number) is { Unique: true } property)
            {
                foreach (var claim in Claims.Of(property, value.ToArray()))
                {
                    unfolded.SetHolder(HeldValue.Of(property, claim.Value), sequence, key);
                }
            }
        }

        // Records without a stage count under an empty name, as in Planner.Stages.cs.
        ReadOnlySpan<byte> StageIn(ReadOnlySpan<byte> values)
        {
            var all = new ValueReader(values);
            return type.Stages is { } stages && all.Seek(stages.Stage.Number) ? all.Value : [];
        }

        void Move(ReadOnlySpan<byte> stage, long by) => unfolded.MoveStage(type.Type.Id, Encoding.UTF8.GetString(stage), by);
    }

    // Files of earlier versions have some of them in the tables already: to write them again changes nothing.
    void FollowTie(long sequence, long from, ChangeKind kind, ReadOnlySpan<byte> content)
    {
        var (otherType, otherId, types) = TieContent.Read(content);
        var to = RecordKey.Of(otherType, otherId, archived: false);
        unfolded.CountTie();
        foreach (var type in types)
        {
            unfolded.SetTie(from, sequence, type, to, kind == ChangeKind.Associate);
            unfolded.SetTie(to, sequence, schema.Associations.InverseOf(type) ?? throw SqliteFailure.Damaged($"change {sequence} has the unknown association type {type}"), from, kind == ChangeKind.Associate);
        }
    }
}
