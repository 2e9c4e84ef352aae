using System.CommandLine;

namespace Docket.Cli;

/// <summary><c>--data</c> and <c>--store</c>: where the data is. Every command has them.</summary>
internal sealed class DataOption
{
    DataOption()
    {
    }

    public Option<string> Directory { get; } = new("--data")
    {
        Description = "The data directory",
        DefaultValueFactory = _ => new DocketOptions().DataDirectory,
    };

    public Option<string?> Store { get; } = new("--store")
    {
        Description = "A PostgreSQL database in place of the data directory, such as \"Host=db1;Database=docket;Username=docket\" (also DOCKET_STORE)",
    };

    public Option<string?> PasswordFile { get; } = new("--store-password-file")
    {
        Description = "A file with the password of the store (also PGPASSWORD, or PGPASSFILE)",
    };

    /// <summary>The value of <c>DOCKET_STORE</c>. Not the option's default value, because help would show it.</summary>
    public static string? StoreVariable => Environment.GetEnvironmentVariable("DOCKET_STORE") is { Length: > 0 } store ? store : null;

    public static DataOption Make() => new();

    /// <summary>Warns of a password on the command line.</summary>
    public static void WarnOfPassword(string? store)
    {
        if (store?.Contains("password", StringComparison.OrdinalIgnoreCase) == true)
        {
            Console.Error.WriteLine("docket: Other users of this machine can see the password in the list of processes. Better use --store-password-file, PGPASSWORD, PGPASSFILE or DOCKET_STORE.");
        }
    }
}

/// <summary>Uses a <see cref="DataOption"/> like other options.</summary>
internal static class DataOptionExtensions
{
    public static void Add(this Command command, DataOption data)
    {
        command.Options.Add(data.Directory);
        command.Options.Add(data.Store);
        command.Options.Add(data.PasswordFile);
    }

    public static DataPlace GetRequiredValue(this ParseResult parsed, DataOption data)
    {
        var store = parsed.GetValue(data.Store);
        DataOption.WarnOfPassword(store);
        return new(parsed.GetRequiredValue(data.Directory), store ?? DataOption.StoreVariable, parsed.GetValue(data.PasswordFile));
    }
}
