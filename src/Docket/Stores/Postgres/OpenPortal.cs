using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Postgres;

/// <summary>A portal in use: its writer and its search index, which is a file of this process.</summary>
internal sealed class OpenPortal : IDisposable
{
    /// <exception cref="OperatorMistake">The database has no such portal, or can't be reached.</exception>
    public OpenPortal(
        PostgresDatabase database, long portal, ImmutableArray<ObjectType> types, string indexDirectory, CommitSignal committed, Func<int> lagMs, TimeProvider clock, ILogger logger,
        Complaints complaints, Instruments? instruments)
    {
        IndexPath = PostgresStore.IndexPath(indexDirectory, portal);
        try
        {
            Transaction = new PostgresTransaction(database, portal, types, Sources, committed, IndexFile.PositionOf(IndexPath), clock);
            Writer = new PortalWriter(portal.ToString(System.Globalization.CultureInfo.InvariantCulture), Transaction, committed, clock, logger, complaints, instruments);
        }
        catch (Exception failure) when (PostgresFailures.Translate(failure, database.Description) is not null)
        {
            throw new OperatorMistake(PostgresFailures.Explain(failure, database.Description)) { State = "unreachable" };
        }

        Reader = new RecordReader(database, portal, Sources);
        Indexer = new Indexer(IndexPath, () => new ChangeReader(database, portal, Sources, CatchUp), () => Writer.Schema, committed, Writer.Recent, lagMs, clock, logger);
    }

    public string IndexPath { get; }

    public SourceNumbers Sources { get; } = new();

    public PostgresTransaction Transaction { get; }

    public PortalWriter Writer { get; }

    public RecordReader Reader { get; }

    public Indexer Indexer { get; }

    // An empty transaction begins with the newest number and the newest schema.
    void CatchUp() => _ = Writer.WriteAsync(static () => true);

    public void Dispose()
    {
        Indexer.Dispose();
        Writer.Dispose();
    }
}
