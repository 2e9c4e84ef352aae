using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Text;
using Docket.Tests.Tidy;

namespace Docket.Tests.Attacks;

/// <summary>
/// A folder of which every write and sync of a server process is recorded, and whose calls can be made to fail: the test's
/// side of <c>disk.c</c>.
/// </summary>
internal sealed class Disk : IDisposable
{
    readonly string room = Directory.CreateTempSubdirectory("docket-disk-").FullName;
    readonly MemoryMappedViewAccessor faults;
    readonly MemoryMappedFile control;
    readonly bool records;

    Disk(bool records)
    {
        this.records = records;
        Directory.CreateDirectory(Folder);
        File.WriteAllBytes(Path.Combine(room, "faults"), new byte[4096]);
        control = MemoryMappedFile.CreateFromFile(Path.Combine(room, "faults"));
        faults = control.CreateViewAccessor();
    }

    /// <summary>The data directory.</summary>
    public string Folder => Path.Combine(room, "data");

    /// <summary>The length of the recording. What a client has been answered by now was on disk before it.</summary>
    public long Position => new FileInfo(Recording).Length;

    string Recording => Path.Combine(room, "recording");

    /// <summary>Compiles the library in front of the C library; skips the test if that is not possible.</summary>
    public static async Task<Disk> MakeAsync(bool records)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the attacks on the disk use Linux's LD_PRELOAD");
        var disk = new Disk(records);
        try
        {
            using var compiler = Process.Start("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", Path.Combine(disk.room, "disk.so"), Path.Combine(House.Root, "tests", "Docket.Tests", "Attacks", "disk.c"), "-ldl", "-lpthread"]);
            await compiler.WaitForExitAsync();
            Assert.Equal(0, compiler.ExitCode);
            return disk;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            disk.Dispose();
            Assert.Skip("there is no C compiler on this machine: apt-get install gcc libc6-dev");
            throw;
        }
    }

    /// <summary>Starts a server whose calls go through <c>disk.c</c>.</summary>
    public Task<ServerProcess> StartAsync() => ServerProcess.StartAsync(
        Folder, "env", $"LD_PRELOAD={Path.Combine(room, "disk.so")}", $"DISK_FOLDER={Folder}", $"DISK_FAULTS={Path.Combine(room, "faults")}", $"DISK_LOG={(records ? Recording : "")}");

    /// <summary>Lets calls fail from now on: after so many of them, so many times.</summary>
    public void Fail(Call calls, int error, int after, int times)
    {
        faults.Write(4, error);
        faults.Write(8, after);
        faults.Write(12, times);
        Thread.MemoryBarrier();
        faults.Write(0, (int)calls);
    }

    /// <summary>Lets all calls succeed again, and gives how many have failed since the last time.</summary>
    public int Repair()
    {
        faults.Write(0, 0);
        Thread.MemoryBarrier();
        var pulled = faults.ReadInt32(16);
        faults.Write(16, 0);
        return pulled;
    }

    public IEnumerable<Entry> Entries()
    {
        var bytes = File.ReadAllBytes(Recording);
        for (var at = 0; at + 24 <= bytes.Length;)
        {
            var (kind, file) = ((EntryKind)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 4)));
            var (offset, length) = (BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at + 8)), (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at + 16)));
            var end = at + 24 + length;
            if (end > bytes.Length)
            {
                yield break; // cut off by a kill
            }

            yield return new(kind, (int)file, offset, bytes.AsMemory(at + 24, length), end);
            at = end;
        }
    }

    public void Dispose()
    {
        faults.Dispose();
        control.Dispose();
        Directory.Delete(room, recursive: true);
    }

    /// <summary>The kinds of calls that can be made to fail, as <c>disk.c</c> numbers them.</summary>
    [Flags]
    public enum Call
    {
        Write = 1 << EntryKind.Write,
        Sync = 1 << EntryKind.SyncBegin,
        Truncate = 1 << EntryKind.Truncate,
        Read = 1 << EntryKind.Read,
    }

    public enum EntryKind
    {
        Start,
        Open,
        Write,
        SyncBegin,
        SyncEnd,
        Truncate,
        Unlink,
        Rename,
        Read,
    }

    /// <summary>One call of the process.</summary>
    /// <param name="Kind">What it did.</param>
    /// <param name="File">The number of the open that gave its descriptor.</param>
    /// <param name="Offset">Where it wrote, or how long the file is now.</param>
    /// <param name="Data">What it wrote, or the names.</param>
    /// <param name="Position">Where it ends in the recording.</param>
    public sealed record Entry(EntryKind Kind, int File, long Offset, ReadOnlyMemory<byte> Data, long Position)
    {
        public string Text => Encoding.UTF8.GetString(Data.Span);
    }
}

/// <summary>
/// Files as a disk has them: what was synced is there; of what was written since, a power cut keeps any part. A name is as
/// durable as a sync of its folder, or of the file that it was made with, has made it; names change in their order.
/// </summary>
internal sealed class Platter(string folder)
{
    /// <summary>The bytes of one file: the durable ones, and the calls that came after them.</summary>
    sealed class Bytes
    {
        public MemoryStream Durable { get; } = new();

        public List<(int Number, Disk.Entry Call)> Pending { get; } = [];
    }

    const int Sector = 512;

    readonly Dictionary<int, (string Path, Bytes File)> opened = [];
    readonly Dictionary<int, int> syncs = [];
    readonly Dictionary<string, Bytes> names = [], durableNames = [];
    readonly List<(int Number, Action<Dictionary<string, Bytes>> Change, Bytes? Made)> renaming = [];
    int number;

    public void Take(Disk.Entry entry)
    {
        number++;
        switch (entry.Kind)
        {
            case Disk.EntryKind.Start:
                opened.Clear();
                syncs.Clear();
                break;
            case Disk.EntryKind.Open:
                if (!names.TryGetValue(entry.Text, out var file))
                {
                    file = new();
                    Rename(files => files[entry.Text] = file, file);
                }

                opened[entry.File] = (entry.Text, file);
                if (entry.Offset != 0)
                {
                    file.Pending.Add((number, entry with { Kind = Disk.EntryKind.Truncate, Offset = 0, Data = default }));
                }

                break;
            case Disk.EntryKind.Write or Disk.EntryKind.Truncate:
                opened[entry.File].File.Pending.Add((number, entry));
                break;
            case Disk.EntryKind.SyncBegin:
                syncs[entry.File] = number;
                break;
            case Disk.EntryKind.SyncEnd when syncs.TryGetValue(entry.File, out var begun):
                Sync(opened[entry.File], begun);
                break;
            case Disk.EntryKind.Unlink:
                Rename(files => files.Remove(entry.Text), null);
                break;
            case Disk.EntryKind.Rename:
                var (from, to) = entry.Text.Split('\0') is [var one, var other] ? (one, other) : throw new InvalidDataException(entry.Text);
                Rename(files =>
                {
                    if (files.Remove(from, out var moved))
                    {
                        files[to] = moved;
                    }
                }, null);
                break;
        }
    }

    void Rename(Action<Dictionary<string, Bytes>> change, Bytes? made)
    {
        change(names);
        renaming.Add((number, change, made));
    }

    void Sync((string Path, Bytes File) what, int begun)
    {
        foreach (var (_, call) in what.File.Pending.Where(pending => pending.Number < begun))
        {
            Apply(what.File.Durable, call, null);
        }

        what.File.Pending.RemoveAll(pending => pending.Number < begun);

        // A journalled file system keeps its order: what makes one name durable does so for those before it.
        var until = what.Path == folder ? begun : renaming.Where(change => change.Made == what.File).Select(change => change.Number + 1).DefaultIfEmpty(0).Max();
        foreach (var (_, change, _) in renaming.Where(change => change.Number < until))
        {
            change(durableNames);
        }

        renaming.RemoveAll(change => change.Number < until);
    }

    /// <summary>Writes what a power cut at this moment leaves into another folder.</summary>
    public void CutPower(string into, Random random)
    {
        // Nothing that wasn't synced; all of it; all up to a moment; or any of it, in part.
        var mode = random.Next(4);
        var until = mode switch { 0 => 0, 2 => random.Next(number + 1), _ => int.MaxValue };
        var found = new Dictionary<string, Bytes>(durableNames);
        foreach (var (_, change, _) in renaming.Where(change => change.Number < until).Take(mode == 3 ? random.Next(renaming.Count + 1) : int.MaxValue))
        {
            change(found);
        }

        var share = random.NextDouble();
        foreach (var (path, file) in found.Where(entry => !entry.Key.EndsWith("-shm", StringComparison.Ordinal) && entry.Key != folder))
        {
            var image = new MemoryStream();
            file.Durable.WriteTo(image);
            foreach (var (_, call) in file.Pending.Where(pending => pending.Number < until))
            {
                if (mode != 3 || random.NextDouble() < share)
                {
                    Apply(image, call, mode == 3 && random.Next(3) == 0 ? random : null);
                }
            }

            File.WriteAllBytes(path.Replace(folder, into, StringComparison.Ordinal), image.ToArray());
        }
    }

    static void Apply(MemoryStream file, Disk.Entry call, Random? tearing)
    {
        if (call.Kind == Disk.EntryKind.Truncate)
        {
            file.SetLength(call.Offset);
            return;
        }

        for (var at = 0; at < call.Data.Length; at += Sector)
        {
            if (tearing is null || tearing.Next(2) == 0)
            {
                file.Position = call.Offset + at;
                file.Write(call.Data.Span[at..Math.Min(call.Data.Length, at + Sector)]);
            }
        }
    }
}
