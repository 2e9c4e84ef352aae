namespace Docket.Stores.Postgres;

/// <summary>The table <c>unfollowed</c>. Whether it has rows is also in the row of <c>head</c>, which every transaction reads.</summary>
internal sealed class UnfollowedTable(PortalSession session, long portal) : IUnfollowed
{
    public bool Any { get; set; }

    public void Note(long record, long after)
    {
        session.Queue(
            "INSERT INTO unfollowed AS u (portal, record, after) VALUES ($1, $2, $3) ON CONFLICT (portal, record) DO UPDATE SET after = least(u.after, excluded.after)",
            PortalSession.Value(portal), PortalSession.Value(record), PortalSession.Value(after));
        Any = true;
    }

    public IReadOnlySet<long> Among(IReadOnlyCollection<long> records) => session.List(
        row => row.GetInt64(0),
        "SELECT u.record FROM unnest($2::bigint[]) k(record) CROSS JOIN LATERAL (SELECT record FROM unfollowed u WHERE u.portal = $1 AND u.record = k.record LIMIT 1) u",
        PortalSession.Value(portal), PortalSession.Value(records.ToArray())).ToHashSet();

    public (long Record, long After)? Next(long record) => Find(record) ?? Find(0);

    public void Advance(long record, long? after)
    {
        if (after is { } key)
        {
            session.Queue("UPDATE unfollowed SET after = $3 WHERE portal = $1 AND record = $2", PortalSession.Value(portal), PortalSession.Value(record), PortalSession.Value(key));
            return;
        }

        session.Queue("DELETE FROM unfollowed WHERE portal = $1 AND record = $2", PortalSession.Value(portal), PortalSession.Value(record));
        Any = Find(0) is not null;
    }

    (long Record, long After)? Find(long after) => session.Find(
        row => ((long, long)?)(row.GetInt64(0), row.GetInt64(1)), "SELECT record, after FROM unfollowed WHERE portal = $1 AND record > $2 ORDER BY record LIMIT 1",
        PortalSession.Value(portal), PortalSession.Value(after));
}
