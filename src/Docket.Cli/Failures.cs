using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using System.Runtime.CompilerServices;
using Docket.Model;
using Microsoft.Win32.SafeHandles;

namespace Docket.Cli;

/// <summary>Prints why a command failed: one sentence, and exit code 1.</summary>
internal static class Failures
{
    /// <summary>As many as a registry and a portal have open.</summary>
    const int FewFiles = 16;

    /// <summary>Prints the reason, and the exception if <c>DOCKET_DEBUG=1</c> is set.</summary>
    public static int Report(Exception failure)
    {
        if (IsOutOfFiles(failure))
        {
            PrintWithoutConsole("docket: No more files can be opened. Raise the limit on open files (ulimit -n), and try again.\n");
        }
        else
        {
            Print($"docket: {Sentence(failure)}");
        }

        if (Environment.GetEnvironmentVariable("DOCKET_DEBUG") == "1")
        {
            Print(failure.ToString());
        }

        return 1;
    }

    /// <summary>Prints what is wrong with a command line.</summary>
    public static int Report(ParseResult parsed)
    {
        var command = "";
        for (SymbolResult? each = parsed.CommandResult; each is CommandResult { Parent: not null } one; each = one.Parent)
        {
            command = $" {one.Command.Name}{command}";
        }

        Console.Error.WriteLine($"docket: {string.Join(' ', parsed.Errors.Select(error => OneLine(error.Message)).Distinct())} See: docket{command} --help");
        return 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // some of these types are in other assemblies
    static string Sentence(Exception failure) => failure switch
    {
        OperatorMistake or Refusal => failure.Message,
        AggregateException or TypeInitializationException or TargetInvocationException when failure.InnerException is { } inner => Sentence(inner),
        DllNotFoundException or BadImageFormatException or EntryPointNotFoundException or TypeLoadException or FileLoadException or FileNotFoundException { FileName: not null } =>
            $"A part of Docket can't be loaded: {FirstLine(failure)} Reinstall Docket for this system.",
        IOException or UnauthorizedAccessException => FirstLine(failure),
        OutOfMemoryException => "Not enough memory.",
        _ => $"{FirstLine(failure)} This is a bug in Docket. Please report it, with the output of DOCKET_DEBUG=1.",
    };

    // An assembly that can't be loaded because there are no file descriptors is reported as missing. Opening a few files shows the actual
    // reason: some that were open at the failure are closed by now.
    static bool IsOutOfFiles(Exception? failure)
    {
        if (failure is null || failure.Message.Contains("Too many open files", StringComparison.Ordinal))
        {
            return failure is not null;
        }

        var files = new FileStream?[FewFiles];
        try
        {
            for (var i = 0; i < files.Length; i++)
            {
                files[i] = new FileStream(Environment.ProcessPath!, FileMode.Open, FileAccess.Read);
            }

            return false;
        }
        catch (IOException full)
        {
            return full.Message.Contains("Too many open files", StringComparison.Ordinal);
        }
        finally
        {
            Array.ForEach(files, file => file?.Dispose());
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // as is the console
    static void Print(string text) => Console.Error.WriteLine(text);

    static void PrintWithoutConsole(string text)
    {
        using var errors = new FileStream(new SafeFileHandle(2, ownsHandle: false), FileAccess.Write);
        foreach (var character in text)
        {
            errors.WriteByte((byte)character);
        }
    }

    static string FirstLine(Exception failure) => failure.Message.Split('\n')[0].Trim() is var line && line.EndsWith('.') ? line : line + ".";

    static string OneLine(string text) => string.Join(' ', text.Split((char[])['\n', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
