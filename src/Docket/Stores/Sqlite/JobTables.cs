using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>The jobs of a portal in its file. All changes run in the writer's transactions.</summary>
internal sealed class JobTables(SqliteStore store, TimeProvider clock) : IJobs
{
    /// <summary>Rows removed in one transaction: each has up to a megabyte of inputs or 100 results, and interactive writes wait for the transaction.</summary>
    const int SweepMax = 20;

    /// <summary>Most inputs in a step.</summary>
    const int StepMax = Validation.InputsMax;

    const string Columns =
        "number, status, open, whole, kind, object_type, source_type, source_id, requested, started, completed, inputs, done, created, updated, unchanged, failed, refusal, helps";

    const int Complete = (int)JobStatus.Complete, Canceled = (int)JobStatus.Canceled;

    public Task<Job> TakeAsync(Job job, ReadOnlyMemory<byte> lines, int count, bool last, (AnswerKey Key, Func<Job, StoredAnswer> Of)? answer, bool numbered = false) => store.WriteAsync(connection =>
    {
        var taken = Take(connection, job, lines.Span, count, numbered, last);
        if (answer is { } kept && taken.Status != JobStatus.Canceled)
        {
            AnswerTable.Keep(connection, kept.Key, kept.Of(taken), new(), Instant.Now(clock)); // an accepted job names no records yet
        }

        return taken;
    });

    public Task<bool> ClaimAsync(Job job) => Task.FromResult(true); // one process serves the file

    public async Task DropAsync(long id)
    {
        while (await store.WriteAsync(connection =>
        {
            if (Remove(connection, "job_chunk", "job = ?", id) > 0)
            {
                return true;
            }

            using var delete = connection.Prepare("DELETE FROM job WHERE number = ?");
            delete.Bind(id).Run();
            return false;
        }))
        {
        }
    }

    public Task<Job?> CancelAsync(long id) => store.WriteAsync(connection =>
    {
        if (Find(connection, id) is not { Ended: false } job)
        {
            return Find(connection, id);
        }

        // SweepAsync removes the waiting inputs: there can be many.
        using var update = connection.Prepare($"UPDATE job SET status = {Canceled}, open = 0, completed = ? WHERE number = ?");
        update.Bind(Instant.Now(clock)).Bind(id).Run();
        return Find(connection, id);
    });

    public Task RecordAsync(JobStep step, JobRows rows) => store.WriteAsync(connection =>
    {
        Expect(connection, step);
        Advance(connection, step);
        Record(connection, step, PackedRows.Of(rows), Instant.Now(clock));
        return true;
    });

    public ValueTask<Job?> FindAsync(long id) => new(store.Read(reader =>
        Find(reader.Connection, id) is { } job && job.Status != JobStatus.Receiving && !(job.CompletedAt <= Expired) ? job : null));

    public ValueTask<List<Job>> ListAsync(long from, int limit) => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare(
            $"SELECT {Columns} FROM job WHERE number <= ? AND status <> {(int)JobStatus.Receiving} AND coalesce(completed > ?, 1) ORDER BY number DESC LIMIT ?");
        return ReadAll(select.Bind(from).Bind(Expired).Bind(limit));
    }));

    public ValueTask<List<Job>> UnfinishedAsync() => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare($"SELECT {Columns} FROM job WHERE status NOT IN ({Complete}, {Canceled}) ORDER BY number");
        return ReadAll(select);
    }));

    public ValueTask<List<StoredInput>> LinesAsync(Job job, bool all) => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare("SELECT first, numbered, lines FROM job_chunk WHERE job = ? AND first + count > ? ORDER BY first LIMIT ?");
        select.Bind(job.Id).Bind(job.Done).Bind(all ? -1 : 1);
        var lines = new List<StoredInput>();
        while (select.Step())
        {
            StoredLines.AddInputs(lines, select.Blob(2), select.Integer(0), job.Done, select.Integer(1) != 0);
        }

        return lines;
    }));

    public ValueTask<List<(long Index, byte[] Json)>> RowsAsync(long id, long after, int limit, bool failedOnly) => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare(
            "SELECT first, failures, lines FROM job_outcome WHERE job = ? AND first > ? AND first + count > ? AND failed >= ? ORDER BY first");
        select.Bind(id).Bind(after - StepMax).Bind(after).Bind(failedOnly ? 1 : 0);
        var rows = new List<(long, byte[])>();
        while (rows.Count < limit && select.Step())
        {
            StoredLines.AddRows(rows, select.Blob(2), select.Integer(0), select.Blob(1), after, limit, failedOnly);
        }

        select.Reset();
        return rows;
    }));

    public ValueTask<List<RejectedInput>> RejectedAsync(long id, long after) => new(store.Read(reader =>
    {
        using var select = reader.Connection.Prepare(
            "SELECT first, failures, lines, rejected FROM job_outcome WHERE job = ? AND first >= ? AND failed > 0 ORDER BY first LIMIT 1");
        if (!select.Bind(id).Bind(after).Step())
        {
            return [];
        }

        var rejected = StoredLines.Rejected(select.Blob(2), select.IsNull(3) ? [] : select.Blob(3), select.Integer(0), select.Blob(1));
        select.Reset();
        return rejected;
    }));

    /// <summary>When the next job or answer expires, milliseconds since 1970; 0 if a job has not ended, and <see cref="long.MaxValue"/> if there is nothing.</summary>
    public static long DueAt(Connection connection)
    {
        using var select = connection.Prepare($"""
            SELECT min(time) FROM (
                SELECT CASE WHEN status IN ({Complete}, {Canceled}) THEN completed + ?1 ELSE 0 END AS time FROM job
                UNION ALL SELECT min(time) + ?1 FROM kept_answer
                UNION ALL SELECT 0 FROM job_chunk)
            """);
        select.Bind((long)IJobs.Kept.TotalMilliseconds).Step();
        return select.IsNull(0) ? long.MaxValue : select.Integer(0);
    }

    public async Task<bool> SweepAsync()
    {
        var expired = Expired;
        // Reads first: a portal with nothing to remove isn't written.
        var any = store.Read(reader =>
        {
            using var select = reader.Connection.Prepare($"""
                SELECT EXISTS (SELECT 1 FROM job WHERE completed <= ?)
                    OR EXISTS (SELECT 1 FROM kept_answer WHERE time <= ?)
                    OR EXISTS (SELECT 1 FROM job_chunk WHERE job IN (SELECT number FROM job WHERE status = {Canceled}))
                """);
            select.Bind(expired).Bind(expired).Step();
            var found = select.Integer(0) != 0;
            select.Reset();
            return found;
        });
        return any && await store.WriteAsync(connection =>
        {
            if (Remove(connection, "job_chunk", $"job IN (SELECT number FROM job WHERE status = {Canceled})", null) > 0
                || Remove(connection, "job_outcome", "job IN (SELECT number FROM job WHERE completed <= ?)", expired) > 0
                || Remove(connection, "kept_answer", "time <= ?", expired) > 0)
            {
                return true;
            }

            Remove(connection, "job", "completed <= ?", expired);
            return true;
        });
    }

    /// <summary>Erases the results that name permanently deleted records. Such a result, or error of a whole batch, is empty from then on.</summary>
    /// <param name="connection">The file.</param>
    /// <param name="names">The records.</param>
    public static void Erase(Connection connection, HashSet<long> names)
    {
        EraseOutcomes(connection, names);
        EraseApplied(connection);
    }

    static void EraseOutcomes(Connection connection, HashSet<long> names)
    {
        using var select = connection.Prepare("SELECT job, count, failures, lines FROM job_outcome WHERE rowid = ?");
        using var update = connection.Prepare("UPDATE job_outcome SET failed = ?, failures = ?, lines = ?, names = ? WHERE rowid = ?");
        using var refusal = connection.Prepare("UPDATE job SET refusal = x'' WHERE number = ?");
        foreach (var (rowId, named) in NameColumn.Find(connection, "job_outcome", names))
        {
            var erased = named.Where(entry => names.Contains(entry.Name)).Select(entry => entry.Row).ToHashSet();
            select.Bind(rowId).Step();
            var (job, count) = (select.Integer(0), (int)select.Integer(1));
            byte[] failures = [.. select.Blob(2).ToArray().Where(row => !erased.Contains(row))], lines = StoredLines.Empty(select.Blob(3), erased);
            select.Reset();
            update.Bind(failures.Length).Bind(failures).Bind(lines)
                .BindNames(named.Where(entry => !erased.Contains(entry.Row))).Bind(rowId).Run();
            if (erased.Contains(count)) // see JobRows.Names
            {
                refusal.Bind(job).Run();
            }
        }
    }

    // Removes all rejected inputs, inputs of canceled jobs, and applied inputs of chunks: they may name a record by any of its
    // values. Inputs that are not applied yet are new writes and stay.
    static void EraseApplied(Connection connection)
    {
        connection.Execute("UPDATE job_outcome SET rejected = NULL WHERE rejected IS NOT NULL");
        connection.Execute($"DELETE FROM job_chunk WHERE job IN (SELECT number FROM job WHERE status = {Canceled})");
        using var select = connection.Prepare("SELECT job_chunk.rowid, done - first, lines FROM job JOIN job_chunk ON job = number AND first < done");
        using var update = connection.Prepare("UPDATE job_chunk SET first = first + ?, count = count - ?, lines = ? WHERE rowid = ?");
        while (select.Step())
        {
            var applied = select.Integer(1);
            update.Bind(applied).Bind(applied).Bind(StoredLines.Skip(select.Blob(2), applied)).Bind(select.Integer(0)).Run();
        }
    }

    /// <summary>Checks that the job is where a step begins, so that no step is applied twice, and a canceled job doesn't continue.</summary>
    /// <exception cref="Refusal">The job is at another position.</exception>
    public static void Expect(Connection connection, JobStep step)
    {
        if (Find(connection, step.Job) is not { Ended: false } job || job.Done != step.First)
        {
            throw new Refusal(Faults.JobMoved());
        }
    }

    /// <summary>Moves a job to the end of a step, so that the next step can follow.</summary>
    public static void Advance(Connection connection, JobStep step)
    {
        using var update = connection.Prepare("UPDATE job SET done = done + ? WHERE number = ?");
        update.Bind(step.Count).Bind(step.Job).Run();
    }

    /// <summary>Stores the results of a step, in the transaction in which the job advanced.</summary>
    public static void Record(Connection connection, JobStep step, PackedRows packed, long now)
    {
        var rows = packed.Rows;
        using var insert = connection.Prepare("INSERT INTO job_outcome (job, first, count, failed, failures, lines, rejected, names) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        insert.Bind(step.Job).Bind(step.First).Bind(step.Count).Bind(rows.Failed).Bind(rows.Failures).Bind(packed.Lines);
        (packed.Rejected is { } rejected ? insert.Bind(rejected) : insert.BindNull()).BindNames(rows.Names.Entries).Run();

        using var delete = connection.Prepare("DELETE FROM job_chunk WHERE job = ? AND first + count <= ?");
        delete.Bind(step.Job).Bind(step.First + step.Count).Run();

        using var update = connection.Prepare($"""
            UPDATE job SET created = created + ?, updated = updated + ?, unchanged = unchanged + ?, failed = failed + ?,
              refusal = coalesce(?, refusal), started = coalesce(started, ?), status = {(int)JobStatus.Processing} WHERE number = ?
            """);
        update.Bind(rows.Created).Bind(rows.Updated).Bind(rows.Unchanged).Bind(rows.Failed);
        (rows.Refusal is { } refusal ? update.Bind(refusal) : update.BindNull()).Bind(now).Bind(step.Job).Run();
        CompleteIfDone(connection, step.Job, now);
    }

    long Expired => Instant.Now(clock) - (long)IJobs.Kept.TotalMilliseconds;

    Job Take(Connection connection, Job job, ReadOnlySpan<byte> lines, int count, bool numbered, bool last)
    {
        var id = job.Id == 0 ? Insert(connection, job) : job.Id;
        var first = 0L;
        if (job.Id != 0)
        {
            var now = Find(connection, id);
            if (now is not { Ended: false })
            {
                return now ?? job with { Status = JobStatus.Canceled };
            }

            first = now.Inputs;
        }

        if (count > 0)
        {
            using var insert = connection.Prepare("INSERT INTO job_chunk (job, first, count, lines, numbered) VALUES (?, ?, ?, ?, ?)");
            insert.Bind(id).Bind(first).Bind(count).Bind(lines).Bind(numbered ? 1 : 0).Run();
        }

        using var update = connection.Prepare(
            $"UPDATE job SET inputs = inputs + ?, open = ?, whole = ?, status = max(status, ?) WHERE number = ?");
        update.Bind(count).Bind(last ? 0 : 1).Bind(job.Whole ? 1 : 0).Bind(last ? (long)JobStatus.Pending : 0).Bind(id).Run();
        if (last)
        {
            CompleteIfDone(connection, id, Instant.Now(clock));
        }

        return Find(connection, id)!;
    }

    static long Insert(Connection connection, Job job)
    {
        using var insert = connection.Prepare("""
            INSERT INTO job (status, open, whole, kind, helps, object_type, source_type, source_id, requested, inputs, done, created, updated, unchanged, failed)
            VALUES (?, 1, 0, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)
            """);
        insert.Bind((long)job.Status).Bind((long)job.Kind).Bind((long)job.Features).Bind(job.Type).Bind(job.Source.Type).Bind(job.Source.Id).Bind(job.RequestedAt).Run();
        return connection.QueryInteger("SELECT last_insert_rowid()");
    }

    static void CompleteIfDone(Connection connection, long id, long now)
    {
        using var update = connection.Prepare($"UPDATE job SET status = {Complete}, completed = ? WHERE number = ? AND done = inputs AND open = 0");
        update.Bind(now).Bind(id).Run();
    }

    static int Remove(Connection connection, string table, string where, long? parameter)
    {
        using var delete = connection.Prepare($"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {where} LIMIT {SweepMax})");
        (parameter is { } value ? delete.Bind(value) : delete).Run();
        return (int)connection.QueryInteger("SELECT changes()");
    }

    static Job? Find(Connection connection, long id)
    {
        using var select = connection.Prepare($"SELECT {Columns} FROM job WHERE number = ?");
        return ReadAll(select.Bind(id)) is [var job] ? job : null;
    }

    static List<Job> ReadAll(Statement select)
    {
        var jobs = new List<Job>();
        while (select.Step())
        {
            jobs.Add(new(
                select.Integer(0), (JobStatus)select.Integer(1), select.Integer(2) != 0, select.Integer(3) != 0, (WriteKind)select.Integer(4),
                select.Text(5), new(select.Text(6), select.Text(7)), select.Integer(8))
            {
                StartedAt = select.IsNull(9) ? null : select.Integer(9),
                CompletedAt = select.IsNull(10) ? null : select.Integer(10),
                Inputs = select.Integer(11),
                Done = select.Integer(12),
                Created = select.Integer(13),
                Updated = select.Integer(14),
                Unchanged = select.Integer(15),
                Failed = select.Integer(16),
                Refusal = select.IsNull(17) ? null : select.Blob(17).ToArray(),
                Features = (OptionalFeatures)select.Integer(18),
            });
        }

        return jobs;
    }
}
