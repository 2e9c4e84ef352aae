using System.Security.Cryptography;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The file of a search index, and its position. Everything in it is derived: it can be deleted at any time, and is rebuilt if it is
/// missing, damaged, of another version, or of another history than the portal's file.
/// </summary>
internal sealed class IndexFile : IDisposable
{
    /// <summary>Marks the file ("Dckx").</summary>
    const int ApplicationId = 0x44636b78;

    /// <summary>Version of the format. There are no upgrades: another version is rebuilt.</summary>
    const int Version = 8;

    /// <summary>Page size in bytes, and about the size of a block of postings.</summary>
    public const int PageSize = 16_384;

    /// <summary>Bytes of columns that stay in memory after a save; more while changes arrive, which would load them again.</summary>
    const long MemoryBudget = 64L << 20, BusyMemoryBudget = 128L << 20;

    /// <summary>Bytes of columns in memory at which the index is saved in any case, so that they can be freed.</summary>
    const long MemoryMax = 256L << 20;

    const string Tables = """
        CREATE TABLE state (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          seed INTEGER NOT NULL,
          rebuild INTEGER NOT NULL,
          position INTEGER NOT NULL,
          position_time INTEGER NOT NULL,
          documents INTEGER NOT NULL,
          save INTEGER NOT NULL, -- the number of the last complete save
          unfinished INTEGER NOT NULL, -- whether there may be parts of a later one
          forms BLOB NOT NULL
        ) STRICT;
        CREATE TABLE column_part (id INTEGER PRIMARY KEY, form INTEGER NOT NULL, data BLOB NOT NULL, hash INTEGER NOT NULL) STRICT;
        CREATE TABLE segment (age INTEGER PRIMARY KEY, id INTEGER NOT NULL, bytes INTEGER NOT NULL, directory BLOB NOT NULL, hash INTEGER NOT NULL) STRICT;
        CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB NOT NULL, hash INTEGER NOT NULL) STRICT;
        """;

    readonly Connection connection;
    readonly Statement saveState, markUnfinished, wantsRebuild;
    long save;

    // The position of the index when the current save began.
    Mark? mark;

    // The form of each property's values in the index, by number; 0 if there are none.
    volatile byte[] forms;

    /// <summary>Opens the file, or creates an empty one that must be built.</summary>
    /// <exception cref="SqliteFailure">It is not a search index, or can't be read: delete it.</exception>
    /// <exception cref="OfAnotherVersion">As after an upgrade: delete it.</exception>
    public IndexFile(string path)
    {
        Path = path;
        connection = new Connection(path, create: true);
        try
        {
            var isNew = connection.QueryInteger("SELECT count(*) FROM sqlite_schema") == 0;
            if (isNew)
            {
                connection.Execute($"PRAGMA page_size={PageSize}");
            }

            // The index can be rebuilt, so a save need not be on disk; only the order of writes matters.
            connection.Execute($"PRAGMA journal_mode=WAL; PRAGMA synchronous={(EphemeralDirectory.Holds(path) ? "OFF" : "NORMAL")}; PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=500; PRAGMA secure_delete=FAST");
            if (isNew)
            {
                connection.Execute($"BEGIN; {Tables} PRAGMA application_id={ApplicationId}; PRAGMA user_version={Version}; COMMIT");
                using var insert = connection.Prepare("INSERT INTO state VALUES (1, ?, 1, 0, 0, 0, 0, 0, x'')");
                insert.Bind(BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)))).Run();
            }
            else if (connection.QueryInteger("PRAGMA application_id") != ApplicationId)
            {
                throw SqliteFailure.Damaged("not a search index");
            }
            else if (connection.QueryInteger("PRAGMA user_version") != Version)
            {
                throw new OfAnotherVersion();
            }

            using var state = connection.Prepare("SELECT seed, rebuild, position, position_time, documents, save, unfinished, forms FROM state");
            if (!state.Step())
            {
                throw SqliteFailure.Damaged("the state is missing");
            }

            Built = state.Integer(1) == 0;
            (Position, PositionTime) = (state.Integer(2), state.Integer(3));
            save = state.Integer(5);
            forms = state.Blob(7).ToArray();
            var (seed, documents, isUnfinished) = (state.Integer(0), (int)state.Integer(4), state.Integer(6) != 0);
            state.Reset();
            if (isUnfinished)
            {
                Columns.DropUnfinished(connection, save);
            }

            Index = new SearchIndex(path, connection, seed, documents);
            markUnfinished = connection.Prepare("UPDATE state SET unfinished = 1 WHERE unfinished = 0");
            saveState = connection.Prepare("UPDATE state SET rebuild = max(?, rebuild * ?), position = ?, position_time = ?, documents = ?, save = ?, unfinished = 0, forms = ?");
            wantsRebuild = connection.Prepare("SELECT rebuild FROM state");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public string Path { get; }

    public SearchIndex Index { get; }

    /// <summary>Whether it contains everything up to <see cref="Position"/>.</summary>
    public bool Built { get; private set; }

    /// <summary>Sequence number of the newest change in the index; after opening, the newest in the file.</summary>
    public long Position { get; set; }

    /// <summary>The time of that change, which shows whether the portal's file still has the same history.</summary>
    public long PositionTime { get; set; }

    /// <summary>Whether a rebuild was requested (<see cref="AskForRebuild"/>).</summary>
    public bool WantsRebuild
    {
        get
        {
            wantsRebuild.Step();
            var wanted = wantsRebuild.Integer(0) != 0;
            wantsRebuild.Reset();
            return wanted;
        }
    }

    /// <summary>Stores the form of each property of a schema; <c>false</c> if the index contains values of one in another form.</summary>
    public bool Fits(PortalSchema schema)
    {
        var now = new byte[Math.Max(forms.Length, schema.LastNumber + 1)];
        forms.CopyTo(now, 0);
        for (var number = 1; number < now.Length; number++)
        {
            if (schema.FindNumberEvenArchived(number) is { } property)
            {
                var form = FormOf(property);
                if (now[number] != 0 && now[number] != form)
                {
                    return false;
                }

                now[number] = form;
            }
        }

        forms = now;
        return true;
    }

    /// <summary>Whether the index contains values in the forms that searches with a schema need.</summary>
    public bool Reads(Schema schema)
    {
        var held = forms;
        foreach (var property in schema.Properties)
        {
            if (property.Number < held.Length && held[property.Number] is not 0 and var form && form != FormOf(property))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether memory is over budget.</summary>
    public bool IsOverBudget => Index.Columns.Weight > MemoryBudget;

    /// <summary>Whether memory is so far over budget that a save is due, after which it can be freed. Happens only with very many tickets.</summary>
    public bool IsFarOverBudget => Index.Columns.Weight > MemoryMax;

    /// <summary>Whether a save is in progress.</summary>
    public bool IsSaving => mark is not null;

    /// <summary>
    /// Begins a save of the changes so far. It is written in pieces, between which the index continues to change. The last piece makes
    /// the others valid: before it, the file stands for the position of the save before.
    /// </summary>
    /// <param name="built">Whether the index is complete up to its position.</param>
    public void BeginSave(bool built)
    {
        mark = new(built, Position, PositionTime, Index.Documents, forms);
        Index.BeginSave();
    }

    /// <summary>Writes about this many bytes of the current save; <c>true</c> if it is done.</summary>
    public bool SaveSome(long bytes)
    {
        var done = connection.InTransaction(() =>
        {
            markUnfinished.Run();
            if (!Index.SaveSome(save + 1, bytes))
            {
                return false;
            }

            // A rebuild that was requested in the meantime stays requested.
            saveState.Bind(mark!.Built ? 0 : 1).Bind(Built ? 1 : 0).Bind(mark.Position).Bind(mark.PositionTime).Bind(mark.Documents).Bind(save + 1).Bind(mark.Forms).Run();
            return true;
        });
        if (done)
        {
            Index.EndSave(Position > mark!.Position ? BusyMemoryBudget : MemoryBudget);
            (Built, mark) = (mark.Built, null);
            save++;
        }

        return done;
    }

    /// <summary>Whether there is something to do for <see cref="TidySome"/>.</summary>
    public bool IsUntidy => Index.Postings.IsUntidy;

    /// <summary>Merges what saves have written, about this many bytes.</summary>
    public void TidySome(long bytes) => Tidy(() => Index.Postings.TidySome(bytes));

    /// <summary>Saves everything at once.</summary>
    /// <param name="built">Whether the index is complete up to its position.</param>
    public void Save(bool built)
    {
        if (IsSaving)
        {
            SaveSome(long.MaxValue);
        }

        BeginSave(built);
        SaveSome(long.MaxValue);
    }

    /// <summary>Removes documents from everything, and their values from the file. Takes as long as reading all postings and writing the file twice.</summary>
    /// <exception cref="InvalidOperationException">Another program is reading the file, so its log can't be emptied.</exception>
    public void Forget(IReadOnlyList<int> documents)
    {
        // If this is interrupted or fails, the file is rebuilt from what is left in the portal's file.
        connection.Execute("UPDATE state SET rebuild = rebuild | 2");
        Save(Built);
        TidyAll();
        Tidy(() => Index.Postings.Forget(documents));
        TidyAll();
        Index.Gated(() => Index.Columns.Forget(connection, documents.ToLookup(document => document >> DocSet.Bits)));
        Save(Built);
        connection.Execute("VACUUM");
        // The log can only be emptied while no search reads.
        Index.Gated(() =>
        {
            if (connection.QueryInteger("PRAGMA wal_checkpoint(TRUNCATE)") != 0)
            {
                throw new InvalidOperationException($"Another program reads {Path}");
            }
        });
        connection.Execute("UPDATE state SET rebuild = rebuild & ~2");

        void TidyAll()
        {
            while (IsUntidy)
            {
                TidySome(long.MaxValue);
            }
        }
    }

    public void Dispose()
    {
        Index.Dispose();
        saveState.Dispose();
        markUnfinished.Dispose();
        wantsRebuild.Dispose();
        connection.Dispose();
    }

    /// <summary>The file is intact, but was written by another version of Docket.</summary>
    public sealed class OfAnotherVersion : Exception;

    // Also whether there are postings of whole values.
    static byte FormOf(Property property) => (byte)((int)Key.FormOf(property) | (SearchIndex.HasPostings(property) ? 0x80 : 0));

    sealed record Mark(bool Built, long Position, long PositionTime, int Documents, byte[] Forms);

    // Searches see what was merged once it is committed.
    void Tidy(Func<Action?> step)
    {
        if (connection.InTransaction(step) is { } replace)
        {
            Index.Gated(replace);
        }
    }

    /// <summary>Deletes a file that nobody has open.</summary>
    public static void Delete(string path)
    {
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            File.Delete(path + suffix);
        }
    }

    /// <summary>Asks the process that uses the file to rebuild it: the running server at once, otherwise the next one that opens it.</summary>
    /// <returns>The seed of the current file. A new file has another one. <c>null</c> if there is no usable file.</returns>
    public static long? AskForRebuild(string path)
    {
        try
        {
            using var connection = new Connection(path, create: false);
            // One that is being built is new enough; do not wait for another file.
            var building = connection.QueryInteger("SELECT rebuild FROM state") != 0;
            connection.Execute("UPDATE state SET rebuild = rebuild | 1");
            return building ? null : connection.QueryInteger("SELECT seed FROM state");
        }
        catch (SqliteFailure)
        {
            return null; // missing or damaged, so it is rebuilt when it is opened
        }
    }

    /// <summary>The newest change in a file that nobody has open, and its time; <c>null</c> if there is no complete index.</summary>
    public static (long Position, long Time)? PositionOf(string path)
    {
        try
        {
            using var connection = new Connection(path, create: false);
            using var state = connection.Prepare("SELECT position, position_time FROM state WHERE rebuild = 0 AND position > 0");
            return connection.QueryInteger("PRAGMA user_version") == Version && state.Step() ? (state.Integer(0), state.Integer(1)) : null;
        }
        catch (SqliteFailure)
        {
            return null; // missing or damaged
        }
    }

    /// <summary>How many records of a new index the file contains; <c>null</c> if it is complete.</summary>
    /// <param name="path">The file, which another process may be writing.</param>
    /// <param name="seedBefore">The result of <see cref="AskForRebuild"/>.</param>
    public static long? BuiltSoFar(string path, long? seedBefore)
    {
        try
        {
            using var connection = new Connection(path, create: false);
            using var state = connection.Prepare("SELECT seed, rebuild, documents FROM state");
            return !state.Step() || state.Integer(0) == seedBefore ? 0 : state.Integer(1) == 0 ? null : state.Integer(2);
        }
        catch (SqliteFailure)
        {
            return 0; // between the old file and the new one
        }
    }
}
