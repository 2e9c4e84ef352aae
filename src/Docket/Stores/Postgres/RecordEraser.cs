using Docket.Model;
using Docket.Writes;

namespace Docket.Stores.Postgres;

/// <summary>
/// Erases the data of purged records besides their rows: the changes of them and of the records merged into them, and the ids that lead
/// to them. The changes stay as stubs, so that the feed has no gap. They are emptied a part at a time, so that other writes don't wait
/// long. Rows in <c>erasing</c> request this.
/// </summary>
internal sealed class RecordEraser(PortalSession session, long portal)
{
    const string Chain = """
        WITH RECURSIVE chain AS (
          SELECT sequence, previous, kind FROM change WHERE portal = $1 AND sequence = $2
          UNION ALL
          SELECT c.* FROM chain CROSS JOIN LATERAL (SELECT sequence, previous, kind FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c WHERE chain.kind <> 5
        )
        SELECT sequence, previous, kind FROM chain LIMIT $3
        """;

    const string Empty = """
        UPDATE change c SET trace = NULL, content = '' FROM (SELECT q.id FROM unnest($2::bigint[]) k(sequence)
          CROSS JOIN LATERAL (SELECT ctid id FROM change q WHERE q.portal = $1 AND q.sequence = k.sequence LIMIT 1) q) x
        WHERE c.portal = $1 AND c.ctid = x.id
        """;

    /// <summary>Erases the remaining data of purged records, except their changes, which <see cref="EmptySome"/> empties.</summary>
    /// <param name="purges">The purges, one for each record.</param>
    /// <param name="schema">The schema of their type.</param>
    public void Erase(List<PlannedWrite> purges, Schema schema)
    {
        // All ids and unique values of the records, because stored answers and results may contain any of them.
        var names = new HashSet<long>();
        foreach (var purge in purges)
        {
            var key = RecordKey.Of(schema.Type, purge.Record.Id, archived: false);
            Later(purge.Previous!.Value);
            names.Add(purge.Record.Id);
            names.UnionWith(session.List(
                row => RecordKey.IdOf(row.GetInt64(0)), "SELECT record FROM forward WHERE portal = $1 AND survivor = $2", PortalSession.Value(portal), PortalSession.Value(key)));
            session.Queue("DELETE FROM forward WHERE portal = $1 AND survivor = $2", PortalSession.Value(portal), PortalSession.Value(key));
            var values = new ValueReader(purge.Before!.Values.Span);
            while (values.Next())
            {
                foreach (var claim in Claims.Of(schema.FindNumberEvenArchived(values.Number), purge.Before.Values.Slice(values.ValueStart, values.Value.Length)))
                {
                    names.Add(Names.Of(claim.Value.Span));
                }
            }
        }

        AnswerTable.Erase(session, portal, names);
        JobTables.Erase(session, portal, names);
    }

    /// <summary>Empties some of the remaining changes, inside the open transaction; <c>true</c> if there are no more.</summary>
    public bool EmptySome(int max)
    {
        while (max > 0)
        {
            if (session.Find(row => (long?)row.GetInt64(0), "SELECT sequence FROM erasing WHERE portal = $1 LIMIT 1", PortalSession.Value(portal)) is not { } first)
            {
                return true;
            }

            session.Queue("DELETE FROM erasing WHERE portal = $1 AND sequence = $2", PortalSession.Value(portal), PortalSession.Value(first));
            var chain = session.List(
                row => (Sequence: row.GetInt64(0), Previous: row.IsDBNull(1) ? (long?)null : row.GetInt64(1), Kind: (ChangeKind)row.GetInt16(2)),
                Chain, PortalSession.Value(portal), PortalSession.Value(first), PortalSession.Value(max));
            session.Queue(Empty, PortalSession.Value(portal), PortalSession.Value(chain.Select(change => change.Sequence).ToArray()));
            if (chain is [.., { Kind: ChangeKind.Merge } merge])
            {
                // The chains of both records continue there.
                Later(merge.Sequence - 1);
                Later(merge.Sequence - 2);
            }
            else if (chain.Count == max && chain[^1].Previous is { } next)
            {
                Later(next);
            }

            max -= chain.Count;
        }

        return false;
    }

    /// <summary>Empties all remaining changes of a portal, in transactions of their own.</summary>
    /// <param name="database">The database.</param>
    /// <param name="portal">The portal.</param>
    /// <param name="atOnce">Most changes in a transaction, for which other writers wait.</param>
    public static void Finish(PostgresDatabase database, long portal, int atOnce)
    {
        using var session = new PortalSession(database);
        var eraser = new RecordEraser(session, portal);
        try
        {
            for (var done = false; !done;)
            {
                session.Begin();
                _ = session.Find(row => row.GetInt64(0), "SELECT sequence FROM head WHERE portal = $1 FOR UPDATE", PortalSession.Value(portal));
                done = eraser.EmptySome(atOnce);
                session.Commit();
            }
        }
        catch
        {
            session.Rollback();
            throw;
        }
    }

    void Later(long sequence) => session.Queue(
        "INSERT INTO erasing (portal, sequence) VALUES ($1, $2) ON CONFLICT DO NOTHING", PortalSession.Value(portal), PortalSession.Value(sequence));
}
