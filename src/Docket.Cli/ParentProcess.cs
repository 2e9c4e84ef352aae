using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Docket.Cli;

/// <summary>The process that started this one.</summary>
internal static partial class ParentProcess
{
    /// <summary>How often to check, in milliseconds. A signal at the parent's end (Linux's PR_SET_PDEATHSIG) would also come at the end of the thread that started this process.</summary>
    const int CheckMs = 100;

    /// <summary>Completes when the parent has ended, however it ended.</summary>
    public static async Task EndAsync(CancellationToken cancellation)
    {
        if (OperatingSystem.IsWindows())
        {
            await EndOnWindowsAsync(cancellation);
            return;
        }

        // Another process becomes the parent of a process whose parent has ended.
        var parent = getppid();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(CheckMs));
        while (getppid() == parent && await timer.WaitForNextTickAsync(cancellation))
        {
        }
    }

    static async Task EndOnWindowsAsync(CancellationToken cancellation)
    {
        using var own = Process.GetCurrentProcess();
        Span<nint> basic = stackalloc nint[6]; // PROCESS_BASIC_INFORMATION; the last member is the parent's id
        if (NtQueryInformationProcess(own.Handle, 0, ref basic[0], basic.Length * nint.Size, out _) != 0)
        {
            throw new InvalidOperationException("The parent process is unknown.");
        }

        await EndOfAsync((int)basic[5], own.StartTime, cancellation);
    }

    static async Task EndOfAsync(int id, DateTime before, CancellationToken cancellation)
    {
        try
        {
            using var parent = Process.GetProcessById(id);
            if (parent.StartTime <= before) // otherwise another process has its id already
            {
                await parent.WaitForExitAsync(cancellation);
            }
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
    }

    [LibraryImport("libc")]
    private static partial int getppid();

    [LibraryImport("ntdll")]
    private static partial int NtQueryInformationProcess(nint process, int kind, ref nint information, int length, out int returned);
}
