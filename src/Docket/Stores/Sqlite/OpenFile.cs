using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>An open portal file: one writer, a reader for each concurrent read, and the search index.</summary>
internal sealed class OpenFile : IDisposable
{
    readonly string path;
    readonly ConcurrentBag<RecordReader> readers = [];

    // Opened together with the writer's connection, to notice that the file was replaced before a reader opens another file.
    readonly Connection witness;

    /// <exception cref="OperatorMistake">See <see cref="Engine.Open"/>.</exception>
    public OpenFile(
        string path, ImmutableArray<ObjectType> types, CommitSignal committed, Func<int> lagMs, int busyTimeoutMs, Func<Connection, Identity> identify, TimeProvider clock, ILogger logger,
        Complaints complaints, Instruments? instruments, FoldPace pace)
    {
        this.path = path;
        (Writer, Transaction, Identity) = Engine.Open(
            path, "portal", busyTimeoutMs,
            connection =>
            {
                var identity = identify(connection);
                connection.Execute("PRAGMA cache_size=-32768"); // 32 MiB: the inner pages of all indexes at a million tickets, and the newest leaves (docs/internals/decisions.md, Memory)
                var transaction = new SqliteTransaction(path, types, connection, Sources, Folds, pace, clock, logger, complaints);
                try
                {
                    return (new PortalWriter(Path.GetFileNameWithoutExtension(path), transaction, committed, clock, logger, complaints, instruments), transaction, identity);
                }
                catch
                {
                    transaction.Dispose();
                    throw;
                }
            },
            create: false,
            OlderAnswers.Define);
        witness = new Connection(path, create: false);
        Indexer = new Indexer(Indexer.PathOf(path), () => new ChangeReader(path, Sources, Folds), () => Writer.Schema, committed, Writer.Recent, lagMs, clock, logger);
    }

    public Identity Identity { get; }

    public SourceNumbers Sources { get; } = new();

    public Folds Folds { get; } = new();

    public SqliteTransaction Transaction { get; }

    public PortalWriter Writer { get; }

    public Indexer Indexer { get; }

    /// <summary>Reads one commit on a connection that no other read uses at the same time.</summary>
    public T Read<T>(Func<RecordReader, T> read)
    {
        if (!readers.TryTake(out var reader))
        {
            lock (witness)
            {
                RefuseMoved(witness);
            }

            reader = new RecordReader(path, Sources, Folds);
        }

        // A reader that failed is not used again.
        try
        {
            RefuseMoved(reader.Connection);
            reader.Begin();
            var result = read(reader);
            reader.End();
            readers.Add(reader);
            return result;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>From here on, nothing is written that follows from the changes.</summary>
    public void Abandon()
    {
        Indexer.Abandon();
        Transaction.Abandon();
    }

    public void Dispose()
    {
        Indexer.Dispose();
        while (readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        Writer.Dispose();
        witness.Dispose();
    }

    static void RefuseMoved(Connection connection)
    {
        if (connection.IsMoved)
        {
            throw SqliteFailure.Moved();
        }
    }
}
