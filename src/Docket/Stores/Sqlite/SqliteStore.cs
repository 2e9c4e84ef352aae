using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docket.Model;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>A portal in one SQLite file: one writer, as many readers as there are reads at once.</summary>
internal sealed class SqliteStore : IStore, IDisposable
{
    /// <summary>Records named in the refusal to delete a stage in use.</summary>
    const int InStageShown = 10;

    readonly string path;
    readonly Sources sources = new();
    readonly PortalWriter writer;
    readonly ConcurrentBag<RecordReader> readers = [];

    /// <summary>Opens the file of a portal, new or not.</summary>
    /// <exception cref="OperatorMistake">See <see cref="Engine.Open"/>.</exception>
    public SqliteStore(string path, TimeProvider clock, ILogger logger, int busyTimeoutMs = Engine.BusyTimeoutMs)
    {
        this.path = path;
        writer = Engine.Open(
            path, "portal", busyTimeoutMs,
            connection =>
            {
                connection.Execute("PRAGMA cache_size=-65536"); // 64 MiB: the inner pages of all indexes at a million tickets, and the newest leaves
                return new PortalWriter(path, connection, sources, clock, logger);
            },
            fresh => SchemaTables.Save(fresh, ObjectType.Ticket, null, DefaultSchema.For(ObjectType.Ticket)));
        Jobs = new JobTables(writer, this, clock);
        Answers = new AnswerTable(this, clock);
    }

    public IJobs Jobs { get; }

    public IAnswers Answers { get; }

    public Schema Schema(ObjectType type) => writer.Schema;

    public Task<Outcome> ApplyAsync(WriteBatch batch, Note? note) => writer.ApplyAsync(batch, note);

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var (schema, usedStages) = await writer.ChangeSchemaAsync(change, keepUsedStages);
        // Who stands in them is looked up here: it takes a walk over the records, which must not hold up the writer.
        return schema ?? throw new Refusal(Faults.StagesInUse(usedStages, Read(reader => reader.FirstInStages(writer.Schema, usedStages, InStageShown))));
    }

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) =>
        new(Read(reader => reader.Lookup.FindId(type, id, archived)));

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        new(Read(reader => reader.Lookup.FindUnique(key, value.Span)));

    public ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived, CancellationToken cancellation) =>
        new(Read(reader => reader.List(type, from, limit, archived)));

    public ValueTask<ImmutableArray<HistoryEntry>> HistoryAsync(Record record, Property property, int limit, CancellationToken cancellation) =>
        new(Read(reader => reader.History(record, property, limit)));

    public ValueTask<ImmutableArray<HistoryEntry>> ChangesAsync(Record record, int limit, CancellationToken cancellation) =>
        new(Read(reader => reader.Changes(record, limit)));

    public void Dispose()
    {
        while (readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        writer.Dispose();
    }

    /// <summary>Reads on a connection that nobody else uses meanwhile. A read runs where it is asked for: it takes microseconds and never waits for the writer.</summary>
    public T Read<T>(Func<RecordReader, T> read)
    {
        try
        {
            if (!readers.TryTake(out var reader))
            {
                reader = new RecordReader(path, sources);
            }

            // A reader that failed is not used again.
            try
            {
                var result = read(reader);
                readers.Add(reader);
                return result;
            }
            catch
            {
                reader.Dispose();
                throw;
            }
        }
        catch (SqliteFailure failure)
        {
            throw Engine.Translate(failure, path);
        }
    }
}
