using System.CommandLine;

namespace Docket.Cli;

/// <summary><c>--data</c>, which every command has.</summary>
internal static class DataOption
{
    public static Option<string> Make() => new("--data")
    {
        Description = "Directory of the data",
        DefaultValueFactory = _ => new DocketOptions().DataDirectory,
    };
}
