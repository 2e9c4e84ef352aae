using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Docket.Cli;

/// <summary>
/// Loads at start what is used later. The runtime never retries to load an assembly that failed to load, so a server that briefly ran out
/// of file descriptors would keep failing.
/// </summary>
internal static class Preload
{
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Not called in a program from which something was trimmed.")]
    public static void Run()
    {
        // A program of native code has everything in it.
        foreach (var assembly in RuntimeFeature.IsDynamicCodeSupported ? (Assembly[])[Assembly.GetExecutingAssembly(), typeof(DocketServer).Assembly] : [])
        {
            foreach (var name in assembly.GetReferencedAssemblies())
            {
                Assembly.Load(name);
            }
        }

        // The native libraries behind these.
        SHA256.HashData([]);
        using var gzip = new GZipStream(Stream.Null, CompressionLevel.Fastest);
        gzip.WriteByte(0);
    }
}
