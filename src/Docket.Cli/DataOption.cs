using System.CommandLine;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Cli;

/// <summary><c>--data</c>, which every command has.</summary>
internal static class DataOption
{
    public static Option<string> Make() => new("--data")
    {
        Description = "Directory of the data",
        DefaultValueFactory = _ => new DocketOptions().DataDirectory,
    };

    /// <summary>The portals of the directory, beside a server that may be running on it.</summary>
    public static IPortals Open(string directory) => new SqlitePortals(directory, TimeProvider.System, NullLogger.Instance, serve: false);
}
