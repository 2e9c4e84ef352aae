using System.Security.Cryptography;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The file of a search index and where it stands. Nothing in it is a truth of its own: it can be deleted at any time, and
/// is built anew when it is missing, damaged, of another version, or of another past of its portal than the file beside it.
/// </summary>
internal sealed class IndexFile : IDisposable
{
    /// <summary>Marks the file ("Dckx").</summary>
    const int ApplicationId = 0x44636b78;

    /// <summary>Version of the file's form. There are no upgrades: another version is built anew.</summary>
    const int Version = 4;

    /// <summary>Bytes in a page: most postings fit into one.</summary>
    const int PageSize = 16_384;

    /// <summary>Bytes of the index that stay in memory after a save.</summary>
    const long MemoryBudget = 64L << 20;

    /// <summary>Bytes of the index in memory at which it is saved, whatever it costs.</summary>
    const long MemoryMax = 512L << 20;

    const string Tables = """
        CREATE TABLE state (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          seed INTEGER NOT NULL,
          rebuild INTEGER NOT NULL,
          position INTEGER NOT NULL,
          reach INTEGER NOT NULL, -- the newest change of which anything is in the file: ahead of position when a save was cut off
          reach_time INTEGER NOT NULL,
          documents INTEGER NOT NULL,
          chunks INTEGER NOT NULL, -- that rows may be of: more than documents has when a save was cut off
          forms BLOB NOT NULL
        ) STRICT;
        CREATE TABLE column_chunk (place INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
        CREATE TABLE posting (
          property INTEGER NOT NULL,
          term BLOB NOT NULL,
          chunk INTEGER NOT NULL,
          docs BLOB NOT NULL,
          PRIMARY KEY (property, term, chunk)
        ) STRICT, WITHOUT ROWID;
        """;

    readonly Connection connection;
    readonly Statement saveState, savePiece, wantsRebuild;

    // Where the index stood when the save that is under way began.
    Mark? mark;

    // The form of each property's values in the index, by number; 0 where there are none.
    volatile byte[] forms;

    /// <summary>Opens the file, or makes an empty one that is still to be built.</summary>
    /// <exception cref="SqliteFailure">It is no search index, or can't be read: to be deleted.</exception>
    /// <exception cref="OfAnotherVersion">As after an upgrade: to be deleted.</exception>
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

            // The index can be built again, so a save needn't have reached the disk; only the order of writes counts.
            connection.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=500; PRAGMA mmap_size=1073741824; PRAGMA secure_delete=FAST");
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

            using var state = connection.Prepare("SELECT seed, rebuild, position, reach, reach_time, documents, forms, chunks FROM state");
            if (!state.Step())
            {
                throw SqliteFailure.Damaged("the state is missing");
            }

            Built = state.Integer(1) == 0;
            Position = state.Integer(2);
            (Reach, ReachTime) = (state.Integer(3), state.Integer(4));
            forms = state.Blob(6).ToArray();
            Index = new SearchIndex(path, connection, state.Integer(0), (int)state.Integer(5), (int)state.Integer(7));
            state.Reset();
            savePiece = connection.Prepare("UPDATE state SET chunks = ?, reach = ?, reach_time = ?");
            saveState = connection.Prepare("UPDATE state SET rebuild = max(?, rebuild * ?), position = ?, documents = ?, forms = ?");
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

    /// <summary>Whether it holds everything up to <see cref="Position"/>.</summary>
    public bool Built { get; private set; }

    /// <summary>Sequence number of the newest change that the index holds; after opening, the newest that the file holds.</summary>
    public long Position { get; set; }

    /// <summary>When that change was made.</summary>
    public long PositionTime { get; set; }

    /// <summary>
    /// Sequence number of the newest change of which the file holds anything: beyond <see cref="Position"/> after opening when a
    /// save was cut off. The index is whole again once it has taken in the changes up to there.
    /// </summary>
    public long Reach { get; private set; }

    /// <summary>When that change was made: tells whether the portal's file still has the same past.</summary>
    public long ReachTime { get; private set; }

    /// <summary>Whether someone asked for a new index (<see cref="AskForRebuild"/>).</summary>
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

    /// <summary>Notes the form of each property of a schema; <c>false</c> when the index holds values of one in another form.</summary>
    public bool Fits(PortalSchema schema)
    {
        var now = new byte[Math.Max(forms.Length, schema.LastNumber + 1)];
        forms.CopyTo(now, 0);
        for (var number = 1; number < now.Length; number++)
        {
            if (schema.FindNumberEvenArchived(number) is { } property)
            {
                var form = (byte)Key.FormOf(property);
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

    /// <summary>Whether searches by a schema read values in the form in which the index holds them.</summary>
    public bool Reads(Schema schema)
    {
        var held = forms;
        foreach (var property in schema.Properties)
        {
            if (property.Number < held.Length && held[property.Number] is not 0 and var form && form != (byte)Key.FormOf(property))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether more is in memory than is to stay there.</summary>
    public bool IsOverBudget => Index.Weight > MemoryBudget;

    /// <summary>Whether so much more is in memory that a save, after which it can be dropped, is due: only of very many tickets.</summary>
    public bool IsFarOverBudget => Index.Weight > MemoryMax;

    /// <summary>Whether a save is under way.</summary>
    public bool IsSaving => mark is not null;

    /// <summary>
    /// Begins a save of what has changed so far. It is written in pieces between which the index goes on changing, and a piece is
    /// written as it is by then. The file stands for the position of this moment when the last piece is there: changes after it
    /// are taken in again after a restart, and each of them gives every value and word that it touches its place anew.
    /// </summary>
    /// <param name="built">Whether the index is complete up to its position.</param>
    public void BeginSave(bool built)
    {
        mark = new(built, Position, Index.Documents, forms);
        Index.BeginSave();
    }

    /// <summary>Writes about so many bytes of the save that is under way; <c>true</c> when it is done.</summary>
    public bool SaveSome(long bytes)
    {
        var done = false;
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            done = Index.SaveSome(bytes);
            if (Position > Reach)
            {
                (Reach, ReachTime) = (Position, PositionTime);
            }

            savePiece.Bind(Index.Chunks).Bind(Reach).Bind(ReachTime).Run();
            if (done)
            {
                // A wish for a new index that came meanwhile stays.
                saveState.Bind(mark!.Built ? 0 : 1).Bind(Built ? 1 : 0).Bind(mark.Position).Bind(mark.Documents).Bind(mark.Forms).Run();
            }

            connection.Execute("COMMIT");
        }
        catch
        {
            connection.Rollback();
            throw;
        }

        Index.Settle();
        if (done)
        {
            Index.EndSave(MemoryBudget);
            (Built, mark) = (mark!.Built, null);
        }

        return done;
    }

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

    /// <summary>Takes documents out of everything, and what they held out of the file. As long as reading all postings and writing the file once.</summary>
    /// <exception cref="InvalidOperationException">Another program reads the file, so that its log can't be emptied.</exception>
    public void Forget(IReadOnlyList<int> documents)
    {
        if (IsSaving)
        {
            SaveSome(long.MaxValue);
        }

        // Should it be cut off, or fail, the file is built anew from what is left in the portal's.
        connection.Execute("UPDATE state SET rebuild = rebuild | 2");
        Save(Built);
        Index.Forget(connection, documents);
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
    }

    public void Dispose()
    {
        Index.Dispose();
        saveState.Dispose();
        savePiece.Dispose();
        wantsRebuild.Dispose();
        connection.Dispose();
    }

    /// <summary>The file is sound, and was written by another version of Docket.</summary>
    public sealed class OfAnotherVersion : Exception;

    sealed record Mark(bool Built, long Position, int Documents, byte[] Forms);

    /// <summary>Deletes a file that nobody has open.</summary>
    public static void Delete(string path)
    {
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            File.Delete(path + suffix);
        }
    }

    /// <summary>Asks whoever keeps the file to build it anew: the server, within moments, or the next one to open it.</summary>
    /// <returns>The seed of the file as it is: a new file has another one. <c>null</c> when there is none that could be used.</returns>
    public static long? AskForRebuild(string path)
    {
        try
        {
            using var connection = new Connection(path, create: false);
            // One that is being built is new enough; that another one replaces it is not to be waited for.
            var building = connection.QueryInteger("SELECT rebuild FROM state") != 0;
            connection.Execute("UPDATE state SET rebuild = rebuild | 1");
            return building ? null : connection.QueryInteger("SELECT seed FROM state");
        }
        catch (SqliteFailure)
        {
            return null; // missing or damaged, so it is built anew when it is opened
        }
    }

    /// <summary>How many records a file has of a new index; <c>null</c> when it is complete.</summary>
    /// <param name="path">The file, which another may be writing.</param>
    /// <param name="seedBefore">What <see cref="AskForRebuild"/> gave.</param>
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
