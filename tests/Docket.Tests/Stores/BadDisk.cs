using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Docket.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>
/// A directory on a disk that can be made to fail: what SQLite reads and writes there ends with an I/O error. Done in SQLite's
/// layer above the system, where the files of all other directories are left alone.
/// </summary>
internal sealed unsafe partial class BadDisk : IDisposable
{
    const int OpenAt = 40, ReadAt = 16, WriteAt = 24, SyncAt = 40, MethodsBytes = 152; // in sqlite3_vfs and sqlite3_io_methods of a 64-bit system
    const int ReadError = 266, WriteError = 778, SyncError = 1034;

    static readonly Lock Gate = new();
    static readonly ConcurrentDictionary<string, BadDisk> Disks = new();
    static readonly ConcurrentDictionary<nint, BadDisk> Files = new();
    static readonly ConcurrentDictionary<nint, nint> Methods = new();
    static delegate* unmanaged[Cdecl]<nint, byte*, nint, int, int*, int> open;

    volatile bool fails;

    public BadDisk()
    {
        RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle); // loads SQLite
        lock (Gate)
        {
            if (open == null)
            {
                var vfs = sqlite3_vfs_find(0);
                open = *(delegate* unmanaged[Cdecl]<nint, byte*, nint, int, int*, int>*)(vfs + OpenAt);
                *(delegate* unmanaged[Cdecl]<nint, byte*, nint, int, int*, int>*)(vfs + OpenAt) = &Open;
            }
        }

        Disks[Directory] = this;
    }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("docket-bad-disk-").FullName;

    public bool Fails
    {
        get => fails;
        set => fails = value;
    }

    public void Dispose()
    {
        Disks.TryRemove(Directory, out _);
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Open(nint vfs, byte* name, nint file, int flags, int* flagsOut)
    {
        var code = open(vfs, name, file, flags, flagsOut);
        Files.TryRemove(file, out _);
        if (code == 0 && name != null && Disks.TryGetValue(Path.GetDirectoryName(Marshal.PtrToStringUTF8((nint)name)) ?? "", out var disk))
        {
            Files[file] = disk;
            *(nint*)file = Methods.GetOrAdd(*(nint*)file, static original =>
            {
                var copy = (byte*)NativeMemory.Alloc(MethodsBytes + (nuint)sizeof(nint));
                Buffer.MemoryCopy((void*)original, copy, MethodsBytes, MethodsBytes);
                *(nint*)(copy + MethodsBytes) = original;
                *(delegate* unmanaged[Cdecl]<nint, nint, int, long, int>*)(copy + ReadAt) = &Read;
                *(delegate* unmanaged[Cdecl]<nint, nint, int, long, int>*)(copy + WriteAt) = &Write;
                *(delegate* unmanaged[Cdecl]<nint, int, int>*)(copy + SyncAt) = &Sync;
                return (nint)copy;
            });
        }

        return code;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Read(nint file, nint buffer, int amount, long offset) => IsBad(file) ? ReadError
        : (*(delegate* unmanaged[Cdecl]<nint, nint, int, long, int>*)(Original(file) + ReadAt))(file, buffer, amount, offset);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Write(nint file, nint buffer, int amount, long offset) => IsBad(file) ? WriteError
        : (*(delegate* unmanaged[Cdecl]<nint, nint, int, long, int>*)(Original(file) + WriteAt))(file, buffer, amount, offset);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Sync(nint file, int flags) => IsBad(file) ? SyncError
        : (*(delegate* unmanaged[Cdecl]<nint, int, int>*)(Original(file) + SyncAt))(file, flags);

    static bool IsBad(nint file) => Files.TryGetValue(file, out var disk) && disk.fails;

    static nint Original(nint file) => *(nint*)(*(nint*)file + MethodsBytes);

    [LibraryImport("e_sqlite3")]
    private static partial nint sqlite3_vfs_find(nint name);
}
