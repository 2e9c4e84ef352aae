using System.CommandLine;

namespace Docket.Cli;

/// <summary><c>--data</c>, which every command has.</summary>
internal static class DataOption
{
    public static Option<string> Make() => new("--data")
    {
        Description = "The data directory",
        DefaultValueFactory = _ => new DocketOptions().DataDirectory,
    };
}
