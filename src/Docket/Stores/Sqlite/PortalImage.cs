using Docket.Index;

namespace Docket.Stores.Sqlite;

/// <summary>The files of a portal at some time, which snapshots and the beginnings of portals share. They are deleted with the last use.</summary>
internal sealed class PortalImage(string path)
{
    int uses = 1;

    /// <summary>The path of its copy of a portal's file.</summary>
    public string Path => path;

    /// <summary>Another use; <c>false</c> if its files were deleted.</summary>
    public bool TryUse()
    {
        for (var now = Volatile.Read(ref uses); now > 0; now = Volatile.Read(ref uses))
        {
            if (Interlocked.CompareExchange(ref uses, now + 1, now) == now)
            {
                return true;
            }
        }

        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref uses) == 0)
        {
            IndexFile.Delete(path);
            IndexFile.Delete(Indexer.PathOf(path));
        }
    }

    /// <summary>Replaces the files of a portal that nobody writes.</summary>
    public void CopyTo(string portal) => Copy(path, portal);

    /// <summary>Copies the files of a portal that nobody in this process has open.</summary>
    public void CopyFrom(string portal) => Copy(portal, path);

    static void Copy(string from, string to)
    {
        foreach (var (source, target) in ((string, string)[])[(from, to), (Indexer.PathOf(from), Indexer.PathOf(to))])
        {
            // New files, not new content: who reads a deleted file goes on reading what it was.
            IndexFile.Delete(target);
            foreach (var suffix in (string[])["", "-wal"]) // a log is left only if another process has the file open
            {
                if (File.Exists(source + suffix))
                {
                    File.Copy(source + suffix, target + suffix);
                }
            }
        }
    }
}
