using System.Collections.Immutable;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Control;
using Docket.Stores.Moving;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>A data directory in a move. It is locked, so that no server uses it.</summary>
internal sealed class MoveDirectory : IPortalHome
{
    readonly string directory;
    readonly ImmutableArray<ObjectType> types;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly FileStream held;
    readonly Registry registry;

    /// <summary>Opens a data directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="create">Whether to create it if it doesn't exist.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures of files.</param>
    /// <exception cref="OperatorMistake">It can't be used, or a server uses it.</exception>
    public MoveDirectory(string directory, bool create, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger)
    {
        (this.directory, this.types, this.clock, this.logger) = (Path.GetFullPath(directory), types, clock, logger);
        if (create)
        {
            DataDirectory.Create(this.directory);
        }
        else if (!File.Exists(Path.Combine(this.directory, "docket.db")))
        {
            throw new OperatorMistake($"There is no Docket data in {this.directory}.");
        }

        if (DataDirectory.IsServed(this.directory))
        {
            throw new OperatorMistake($"A server is using {this.directory}. Stop it before you move portals.");
        }

        held = DataDirectory.Hold(this.directory);
        try
        {
            registry = new Registry(Path.Combine(this.directory, "docket.db"), new(clock), logger, Engine.BusyTimeoutMs);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public string Name => directory;

    public OperatorMistake? Explain(Exception failure) => failure switch
    {
        SqliteFailure sqlite => new(Engine.Explain(sqlite, directory)),
        Refusal refusal => new(refusal.Message), // of the registry
        IOException or UnauthorizedAccessException => new($"{directory} can't be used: {failure.Message}"),
        _ => null,
    };

    public ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read) => registry.ReadAsync(read, CancellationToken.None);

    public async ValueTask<(string History, long Sequence)?> FindAsync(long portal)
    {
        if (!(await ReadAsync(ControlRows.PortalsAsync)).Contains(portal))
        {
            return null;
        }

        using var file = new Connection(PathOf(portal), create: false);
        return (Identity.Of(file).File, file.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change"));
    }

    public ValueTask<IPortalRows> OpenAsync(long portal)
    {
        FinishWork(portal);
        return new(new MoveRows(PathOf(portal)));
    }

    public ValueTask<IPortalCopy> PrepareAsync(long portal, string history, bool restart)
    {
        var (path, unfinished) = (PathOf(portal), UnfinishedPathOf(portal));
        if (restart)
        {
            IndexFile.Delete(unfinished);
        }

        if (File.Exists(path))
        {
            // If it is a complete copy, a process stopped before the registry listed it.
            if (File.Exists(unfinished) || IdentityOf(path) != new Identity(history, portal, registry.Identity))
            {
                throw new OperatorMistake($"{path} belongs to no portal of {directory}. Move it away.");
            }

            File.Move(path, unfinished);
        }

        return new(new MoveCopy(unfinished, portal, history, registry.Identity));
    }

    public ValueTask<T> PublishAsync<T>(long portal, Func<ControlConnection, ValueTask<T>> write) => registry.WriteAsync(async opened =>
    {
        var result = await write(opened);
        await opened.RunAsync("UPDATE portal SET file = @1 WHERE id = @2", IdentityOf(UnfinishedPathOf(portal)).File, portal);
        File.Move(UnfinishedPathOf(portal), PathOf(portal));
        return result;
    });

    public ValueTask DisposeAsync()
    {
        registry.Dispose();
        held.Dispose();
        return ValueTask.CompletedTask;
    }

    // As a server would do: upgrades the file, folds, finishes permanent deletions.
    void FinishWork(long portal)
    {
        var path = PathOf(portal);
        using var transaction = Engine.Open(
            path, "portal", Engine.BusyTimeoutMs,
            connection =>
            {
                var identity = Identity.Of(connection);
                if ((identity.Portal ?? portal) != portal || (identity.Registry ?? registry.Identity) != registry.Identity)
                {
                    throw new OperatorMistake($"{path} belongs to another portal or another data directory. Replace it with the file of portal {portal}.");
                }

                return new SqliteTransaction(path, types, connection, new(), new(), FoldPace.Default, clock, logger, new Complaints(clock));
            },
            create: false,
            OlderAnswers.Define);
    }

    static Identity IdentityOf(string path)
    {
        using var file = new Connection(path, create: false);
        return Identity.Of(file);
    }

    string PathOf(long portal) => Path.Combine(directory, $"portal-{portal}.db");

    string UnfinishedPathOf(long portal) => Path.Combine(directory, $"portal-{portal}.moving.db");
}
