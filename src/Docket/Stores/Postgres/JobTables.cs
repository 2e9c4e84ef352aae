using Docket.Model;
using Docket.Writes;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// The jobs of a portal. All changes run in the writer's transactions, under the lock of the head. A job is the process's that received
/// it; when that has ended (<see cref="Presence"/>), another one takes it over.
/// </summary>
internal sealed class JobTables(PostgresStore store, PostgresDatabase database, long portal, TimeProvider clock) : IJobs
{
    /// <summary>Rows removed in one transaction, while interactive writes wait: each has up to a megabyte of inputs or 100 results.</summary>
    const int SweepMax = 50;

    /// <summary>Most inputs in a step.</summary>
    const int StepMax = Validation.InputsMax;

    const string Columns = """
        j.number, j.status, j.open, j.whole, j.kind, j.object_type, j.source_type, j.source_id, j.requested, j.started, j.completed, j.inputs, j.done,
          j.created, j.updated, j.unchanged, j.failed, j.refusal, j.helps, j.process
        """;

    const int Receiving = (int)JobStatus.Receiving, Processing = (int)JobStatus.Processing, Complete = (int)JobStatus.Complete, Canceled = (int)JobStatus.Canceled;

    const string ById = $"SELECT {Columns} FROM job j WHERE j.portal = $1 AND j.number = $2";

    // An unknown limit keeps the planner from sorting all steps of the job as long as it has no statistics.
    const string Steps = """
        SELECT first, failures, lines FROM job_outcome WHERE portal = $1 AND job = $2 AND first >= $3 AND first + count > $4 AND failed >= $5 ORDER BY first LIMIT (SELECT $6)
        """;

    const string NextRejected = """
        SELECT first, failures, lines, rejected FROM job_outcome WHERE portal = $1 AND job = $2 AND first >= $3 AND failed > 0 ORDER BY first LIMIT (SELECT 1)
        """;

    const string Waiting = """
        SELECT first, numbered, lines FROM job_chunk WHERE portal = $1 AND job = $2 AND first + count > $3 ORDER BY first LIMIT (SELECT $4)
        """;

    const string RemoveChunks = """
        DELETE FROM job_chunk c USING (SELECT ctid id FROM job_chunk q WHERE q.portal = $1 AND q.job = $2 LIMIT $3) x WHERE c.portal = $1 AND c.ctid = x.id RETURNING 1
        """;

    // SweepAsync's: one kind of expired data after the other.
    const string RemoveCanceled = """
        DELETE FROM job_chunk c USING (SELECT q.id FROM job j CROSS JOIN LATERAL (SELECT ctid id FROM job_chunk q WHERE q.portal = $1 AND q.job = j.number LIMIT $2) q
          WHERE j.portal = $1 AND j.status = 4 LIMIT $2) x WHERE c.portal = $1 AND c.ctid = x.id RETURNING 1
        """;

    const string RemoveOutcomes = """
        DELETE FROM job_outcome o USING (SELECT q.id FROM job j CROSS JOIN LATERAL (SELECT ctid id FROM job_outcome q WHERE q.portal = $1 AND q.job = j.number LIMIT $2) q
          WHERE j.portal = $1 AND j.completed <= $3 LIMIT $2) x WHERE o.portal = $1 AND o.ctid = x.id RETURNING 1
        """;

    const string RemoveAnswers = """
        DELETE FROM kept_answer a USING (SELECT ctid id FROM kept_answer q WHERE q.portal = $1 AND q.time <= $3 AND (q.status IS NOT NULL OR q.process <> ALL($4)) LIMIT $2) x WHERE a.portal = $1 AND a.ctid = x.id RETURNING 1
        """;

    const string RemoveJobs = """
        DELETE FROM job j USING (SELECT ctid id FROM job q WHERE q.portal = $1 AND q.completed <= $3 LIMIT $2) x WHERE j.portal = $1 AND j.ctid = x.id RETURNING 1
        """;

    // The indexes job_rest and job_completed are for these.
    const string SweepDue = """
        EXISTS (SELECT FROM job WHERE portal = $1 AND completed <= $2)
            OR EXISTS (SELECT FROM kept_answer WHERE portal = $1 AND time <= $2 AND (status IS NOT NULL OR process <> ALL($3)))
            OR EXISTS (SELECT FROM job j WHERE j.portal = $1 AND j.status = 4 AND EXISTS (SELECT FROM job_chunk c WHERE c.portal = $1 AND c.job = j.number))
        """;

    const string CareDue = $"SELECT EXISTS (SELECT FROM job WHERE portal = $1 AND status < 3 AND coalesce(process <> ALL($3), true)) OR {SweepDue}";

    readonly PortalReads reads = new(database, portal, new());

    long Expired => Instant.Now(clock) - (long)IJobs.Kept.TotalMilliseconds;

    /// <summary>See <see cref="IPortals.IsCareDueAsync"/>.</summary>
    public static async Task<bool> IsCareDueAsync(PostgresDatabase database, long portal, long now)
    {
        var alive = await database.Presence.AliveAsync();
        return (await new PortalReads(database, portal, new()).ListAsync(
            row => row.GetBoolean(0), CareDue, [PortalSession.Value(now - (long)IJobs.Kept.TotalMilliseconds), PortalSession.Value(alive)], CancellationToken.None))[0];
    }

    public async Task<Job> TakeAsync(Job job, ReadOnlyMemory<byte> lines, int count, bool last, (AnswerKey Key, Func<Job, StoredAnswer> Of)? answer, bool numbered = false)
    {
        await store.ReadAsync(_ => AnnounceAsync());
        return await store.WriteAsync(session =>
        {
            if (answer is { } expected)
            {
                AnswerTable.Expect(session, portal, database.Process, expected.Key);
            }

            var taken = Take(session, job, lines, count, numbered, last);
            if (answer is { } kept && taken.Status != JobStatus.Canceled)
            {
                AnswerTable.Keep(session, portal, kept.Key, kept.Of(taken), new(), Instant.Now(clock)); // an accepted job names no records yet
            }

            return taken;
        });
    }

    public async Task<bool> ClaimAsync(Job job)
    {
        var owner = await ListAsync(row => row.IsDBNull(0) ? (Guid?)null : row.GetGuid(0), "SELECT process FROM job WHERE portal = $1 AND number = $2", PortalSession.Value(job.Id));
        if (owner is not [var before])
        {
            return false;
        }

        // Read after the owner: a process that isn't alive takes no job, and one that has taken it since then is another.
        if (before is { } process && process != database.Process && (await store.ReadAsync(_ => new ValueTask<Guid[]>(database.Presence.AliveAsync()))).Contains(process))
        {
            return false;
        }

        await store.ReadAsync(_ => AnnounceAsync());
        return await store.WriteAsync(session => session.Find(
            _ => true, "UPDATE job SET process = $3 WHERE portal = $1 AND number = $2 AND process IS NOT DISTINCT FROM $4 RETURNING 1",
            PortalSession.Value(portal), PortalSession.Value(job.Id), PortalSession.Value(database.Process), PortalSession.Value(before)));
    }

    public async Task DropAsync(long id)
    {
        while (await store.WriteAsync(session =>
        {
            if (session.List(_ => true, RemoveChunks, PortalSession.Value(portal), PortalSession.Value(id), PortalSession.Value(SweepMax)).Count > 0)
            {
                return true;
            }

            session.Queue("DELETE FROM job WHERE portal = $1 AND number = $2", PortalSession.Value(portal), PortalSession.Value(id));
            return false;
        }))
        {
        }
    }

    public Task<Job?> CancelAsync(long id) => store.WriteAsync(session =>
    {
        var job = Find(session, id);
        if (job is not { Ended: false })
        {
            return job;
        }

        // SweepAsync removes the waiting inputs: there can be many.
        var canceled = job with { Status = JobStatus.Canceled, Open = false, CompletedAt = Instant.Now(clock) };
        session.Queue(
            "UPDATE job SET status = $3, open = false, completed = $4 WHERE portal = $1 AND number = $2",
            PortalSession.Value(portal), PortalSession.Value(id), PortalSession.Value(Canceled), PortalSession.Value(canceled.CompletedAt));
        return canceled;
    });

    public Task RecordAsync(JobStep step, JobRows rows) => store.WriteAsync(session =>
    {
        Expect(session, portal, database.Process, step);
        Advance(session, portal, step);
        Record(session, portal, step, PackedRows.Of(rows), Instant.Now(clock));
        return true;
    });

    public async ValueTask<Job?> FindAsync(long id) =>
        await ListAsync(Read, ById, PortalSession.Value(id)) is [{ Status: not JobStatus.Receiving } job] && !(job.CompletedAt <= Expired) ? job : null;

    public ValueTask<List<Job>> ListAsync(long from, int limit) => ListAsync(
        Read, $"SELECT {Columns} FROM job j WHERE j.portal = $1 AND j.number <= $2 AND j.status <> 0 AND coalesce(j.completed > $3, true) ORDER BY j.number DESC LIMIT (SELECT $4)",
        PortalSession.Value(from), PortalSession.Value(Expired), PortalSession.Value((long)limit));

    public ValueTask<List<Job>> UnfinishedAsync() => ListAsync(Read, $"SELECT {Columns} FROM job j WHERE j.portal = $1 AND j.status < 3 ORDER BY j.number");

    public async ValueTask<List<StoredInput>> LinesAsync(Job job, bool all) => [.. (await store.ReadAsync(_ => reads.ListLargeAsync(
        async row =>
        {
            var (first, numbered, inputs) = (row.GetInt64(0), row.GetBoolean(1), new List<StoredInput>());
            StoredLines.AddInputs(inputs, await row.GetFieldValueAsync<byte[]>(2), first, job.Done, numbered);
            return inputs;
        },
        Waiting, [PortalSession.Value(job.Id), PortalSession.Value(job.Done), PortalSession.Value(all ? long.MaxValue : 1)], CancellationToken.None))).SelectMany(inputs => inputs)];

    public async ValueTask<List<(long Index, byte[] Json)>> RowsAsync(long id, long after, int limit, bool failedOnly)
    {
        var rows = new List<(long, byte[])>();
        for (var (from, most) = (after - StepMax + 1, 2); ; most = limit) // two full steps are usually enough for a page
        {
            var steps = await ListAsync(
                row => (First: row.GetInt64(0), Failures: row.GetFieldValue<byte[]>(1), Lines: row.GetFieldValue<byte[]>(2)), Steps,
                PortalSession.Value(id), PortalSession.Value(from), PortalSession.Value(after), PortalSession.Value(failedOnly ? 1L : 0), PortalSession.Value((long)most));
            steps.ForEach(step => StoredLines.AddRows(rows, step.Lines, step.First, step.Failures, after, limit, failedOnly));
            if (rows.Count == limit || steps.Count < most)
            {
                return rows;
            }

            from = steps[^1].First + 1;
        }
    }

    public async ValueTask<List<RejectedInput>> RejectedAsync(long id, long after) => await ListAsync(
        row => StoredLines.Rejected(row.GetFieldValue<byte[]>(2), row.IsDBNull(3) ? [] : row.GetFieldValue<byte[]>(3), row.GetInt64(0), row.GetFieldValue<byte[]>(1)),
        NextRejected, PortalSession.Value(id), PortalSession.Value(after)) is [var rejected] ? rejected : [];

    public async Task<bool> SweepAsync()
    {
        var (expired, alive) = (Expired, await store.ReadAsync(_ => new ValueTask<Guid[]>(database.Presence.AliveAsync())));
        // Reads first: a portal with nothing to remove isn't written.
        return await ListAsync(row => row.GetBoolean(0), $"SELECT {SweepDue}", PortalSession.Value(expired), PortalSession.Value(alive)) is [true] && await store.WriteAsync(session =>
        {
            _ = Remove(RemoveCanceled) || Remove(RemoveOutcomes, PortalSession.Value(expired)) || Remove(RemoveAnswers, PortalSession.Value(expired), PortalSession.Value(alive))
                || Remove(RemoveJobs, PortalSession.Value(expired));
            return true;

            bool Remove(string sql, params ReadOnlySpan<NpgsqlParameter> values) => session.List(_ => true, sql, [PortalSession.Value(portal), PortalSession.Value(SweepMax), .. values]).Count > 0;
        });
    }

    /// <summary>Checks that the job is where a step begins, so that no step is applied twice, and that it has neither been canceled nor taken over by another process.</summary>
    /// <exception cref="Refusal">The job is at another position, or another process has it.</exception>
    public static void Expect(PortalSession session, long portal, Guid process, JobStep step)
    {
        if (session.Find(
            row => row.GetInt64(0) == step.First && row.GetInt32(1) < Complete && row.GetGuid(2) == process, "SELECT done, status, process FROM job WHERE portal = $1 AND number = $2",
            PortalSession.Value(portal), PortalSession.Value(step.Job)) is false)
        {
            throw new Refusal(Faults.JobMoved());
        }
    }

    /// <summary>Moves a job to the end of a step, so that the next step can follow.</summary>
    public static void Advance(PortalSession session, long portal, JobStep step) => session.Queue(
        "UPDATE job SET done = done + $3 WHERE portal = $1 AND number = $2", PortalSession.Value(portal), PortalSession.Value(step.Job), PortalSession.Value((long)step.Count));

    /// <summary>Stores the results of a step, in the transaction in which the job advanced.</summary>
    public static void Record(PortalSession session, long portal, JobStep step, PackedRows packed, long now)
    {
        var rows = packed.Rows;
        (long Name, int Row)[] names = [.. rows.Names.Entries.Distinct()];
        session.Queue(
            "INSERT INTO job_outcome (portal, job, first, count, failed, failures, lines, rejected, names, rows) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            PortalSession.Value(portal), PortalSession.Value(step.Job), PortalSession.Value(step.First), PortalSession.Value((long)step.Count),
            PortalSession.Value((long)rows.Failed), PortalSession.Value(rows.Failures), PortalSession.Value(packed.Lines), PortalSession.Value(packed.Rejected),
            PortalSession.Value(names.Select(entry => entry.Name).ToArray()), PortalSession.Value(names.Select(entry => entry.Row).ToArray()));
        session.Queue(
            "DELETE FROM job_chunk WHERE portal = $1 AND job = $2 AND first < $3 AND first + count <= $3",
            PortalSession.Value(portal), PortalSession.Value(step.Job), PortalSession.Value(step.First + step.Count));
        session.Queue(
            $"""
            UPDATE job SET created = created + $3, updated = updated + $4, unchanged = unchanged + $5, failed = failed + $6, refusal = coalesce($7, refusal), started = coalesce(started, $8),
              status = CASE WHEN done = inputs AND NOT open THEN {Complete} ELSE {Processing} END, completed = CASE WHEN done = inputs AND NOT open THEN $8 END
            WHERE portal = $1 AND number = $2
            """,
            PortalSession.Value(portal), PortalSession.Value(step.Job), PortalSession.Value((long)rows.Created), PortalSession.Value((long)rows.Updated), PortalSession.Value((long)rows.Unchanged),
            PortalSession.Value((long)rows.Failed), PortalSession.Value(rows.Refusal), PortalSession.Value(now));
    }

    /// <summary>Erases the results that name permanently deleted records. Such a result, or error of a whole batch, is empty from then on.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="portal">The portal.</param>
    /// <param name="names">The records.</param>
    public static void Erase(PortalSession session, long portal, HashSet<long> names)
    {
        EraseOutcomes(session, portal, names);
        EraseApplied(session, portal);
    }

    static void EraseOutcomes(PortalSession session, long portal, HashSet<long> names)
    {
        var named = session.List(
            row => (Job: row.GetInt64(0), First: row.GetInt64(1), Count: row.GetInt64(2), Failures: row.GetFieldValue<byte[]>(3), Lines: row.GetFieldValue<byte[]>(4),
                Names: row.GetFieldValue<long[]>(5).Zip(row.GetFieldValue<int[]>(6)).ToList()),
            "SELECT job, first, count, failures, lines, names, rows FROM job_outcome WHERE portal = $1 AND names && $2", PortalSession.Value(portal), PortalSession.Value(names.ToArray()));
        foreach (var outcome in named)
        {
            var erased = outcome.Names.Where(entry => names.Contains(entry.First)).Select(entry => entry.Second).ToHashSet();
            byte[] failures = [.. outcome.Failures.Where(row => !erased.Contains(row))];
            (long Name, int Row)[] kept = [.. outcome.Names.Where(entry => !erased.Contains(entry.Second))];
            session.Queue(
                "UPDATE job_outcome SET failed = $4, failures = $5, lines = $6, names = $7, rows = $8 WHERE portal = $1 AND job = $2 AND first = $3",
                PortalSession.Value(portal), PortalSession.Value(outcome.Job), PortalSession.Value(outcome.First), PortalSession.Value((long)failures.Length), PortalSession.Value(failures),
                PortalSession.Value(StoredLines.Empty(outcome.Lines, erased)), PortalSession.Value(kept.Select(entry => entry.Name).ToArray()), PortalSession.Value(kept.Select(entry => entry.Row).ToArray()));
            if (erased.Contains((int)outcome.Count)) // see JobRows.Names
            {
                session.Queue("UPDATE job SET refusal = '' WHERE portal = $1 AND number = $2", PortalSession.Value(portal), PortalSession.Value(outcome.Job));
            }
        }
    }

    // Removes all rejected inputs, inputs of canceled jobs, and applied inputs of chunks: they may name a record by any of its
    // values. Inputs that are not applied yet are new writes and stay.
    static void EraseApplied(PortalSession session, long portal)
    {
        session.Queue("UPDATE job_outcome SET rejected = NULL WHERE portal = $1 AND rejected IS NOT NULL", PortalSession.Value(portal));
        session.Queue("DELETE FROM job_chunk c USING job j WHERE c.portal = $1 AND j.portal = $1 AND j.number = c.job AND j.status = 4", PortalSession.Value(portal));
        var begun = session.List(
            row => (Job: row.GetInt64(0), First: row.GetInt64(1), Applied: row.GetInt64(2), Lines: row.GetFieldValue<byte[]>(3)),
            """
            SELECT j.number, c.first, j.done - c.first, c.lines FROM job j
            CROSS JOIN LATERAL (SELECT * FROM job_chunk c WHERE c.portal = $1 AND c.job = j.number AND c.first < j.done ORDER BY c.first LIMIT 1) c
            WHERE j.portal = $1 AND j.status < 3
            """,
            PortalSession.Value(portal));
        foreach (var chunk in begun)
        {
            session.Queue(
                "UPDATE job_chunk SET first = first + $4, count = count - $4, lines = $5 WHERE portal = $1 AND job = $2 AND first = $3",
                PortalSession.Value(portal), PortalSession.Value(chunk.Job), PortalSession.Value(chunk.First), PortalSession.Value(chunk.Applied),
                PortalSession.Value(StoredLines.Skip(chunk.Lines, chunk.Applied).ToArray()));
        }
    }

    Job Take(PortalSession session, Job job, ReadOnlyMemory<byte> lines, int count, bool numbered, bool last)
    {
        var now = job.Id == 0 ? Insert(session, job) : Find(session, job.Id);
        if (now is not { Ended: false, IsOurs: true })
        {
            return now is { Ended: true } ? now : job with { Status = JobStatus.Canceled }; // who takes over an upload gives it up
        }

        if (count > 0)
        {
            session.Queue(
                "INSERT INTO job_chunk (portal, job, first, count, numbered, lines) VALUES ($1, $2, $3, $4, $5, $6)",
                PortalSession.Value(portal), PortalSession.Value(now.Id), PortalSession.Value(now.Inputs), PortalSession.Value((long)count), PortalSession.Value(numbered), PortalSession.Value(lines));
        }

        var taken = now with { Inputs = now.Inputs + count, Open = !last, Whole = job.Whole, Status = last && now.Status == JobStatus.Receiving ? JobStatus.Pending : now.Status };
        if (last && taken.Done == taken.Inputs)
        {
            taken = taken with { Status = JobStatus.Complete, CompletedAt = Instant.Now(clock) };
        }

        session.Queue(
            "UPDATE job SET inputs = $3, open = $4, whole = $5, status = $6, completed = $7 WHERE portal = $1 AND number = $2",
            PortalSession.Value(portal), PortalSession.Value(taken.Id), PortalSession.Value(taken.Inputs), PortalSession.Value(taken.Open), PortalSession.Value(taken.Whole),
            PortalSession.Value((int)taken.Status), PortalSession.Value(taken.CompletedAt));
        return taken;
    }

    // Numbers are never used again: the head counts them.
    Job Insert(PortalSession session, Job job)
    {
        var added = job with { Id = session.Find(row => row.GetInt64(0), "UPDATE head SET jobs = jobs + 1 WHERE portal = $1 RETURNING jobs", PortalSession.Value(portal)) };
        session.Queue(
            """
            INSERT INTO job (portal, number, status, open, whole, kind, helps, object_type, source_type, source_id, requested, process)
            VALUES ($1, $2, $3, true, false, $4, $5, $6, $7, $8, $9, $10)
            """,
            PortalSession.Value(portal), PortalSession.Value(added.Id), PortalSession.Value((int)job.Status), PortalSession.Value((int)job.Kind), PortalSession.Value((int)job.Features),
            PortalSession.Value(job.Type), PortalSession.Value(job.Source.Type), PortalSession.Value(job.Source.Id), PortalSession.Value(job.RequestedAt), PortalSession.Value(database.Process));
        return added;
    }

    Job? Find(PortalSession session, long id) => session.Find(Read, ById, PortalSession.Value(portal), PortalSession.Value(id));

    ValueTask<List<T>> ListAsync<T>(Func<NpgsqlDataReader, T> read, string sql, params NpgsqlParameter[] values) => store.ReadAsync(_ => reads.ListAsync(read, sql, values, CancellationToken.None));

    async ValueTask<bool> AnnounceAsync()
    {
        await database.Presence.AnnounceAsync(portal);
        return true;
    }

    Job Read(NpgsqlDataReader row) => new(
        row.GetInt64(0), (JobStatus)row.GetInt32(1), row.GetBoolean(2), row.GetBoolean(3), (WriteKind)row.GetInt32(4), row.GetString(5), new(row.GetString(6), row.GetString(7)), row.GetInt64(8))
    {
        StartedAt = row.IsDBNull(9) ? null : row.GetInt64(9),
        CompletedAt = row.IsDBNull(10) ? null : row.GetInt64(10),
        Inputs = row.GetInt64(11),
        Done = row.GetInt64(12),
        Created = row.GetInt64(13),
        Updated = row.GetInt64(14),
        Unchanged = row.GetInt64(15),
        Failed = row.GetInt64(16),
        Refusal = row.IsDBNull(17) ? null : row.GetFieldValue<byte[]>(17),
        Features = (OptionalFeatures)row.GetInt32(18),
        IsOurs = !row.IsDBNull(19) && row.GetGuid(19) == database.Process,
    };
}
