using Docket.Model;
using Docket.Model.Types;
using Docket.Stores.Sqlite;
using Docket.Tests.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Admin;

/// <summary>Settings of a portal, by every way that leads to them.</summary>
public sealed class SettingsTests
{
    const string Path = "/docket/v1/settings";

    [Theory]
    [InlineData("0ms", 0, "0s")]
    [InlineData("1ms", 1, "1ms")]
    [InlineData("1500ms", 1_500, "1500ms")]
    [InlineData("5s", 5_000, "5s")]
    [InlineData("60s", 60_000, "1m")]
    [InlineData("60m", 3_600_000, "60m")]
    public void A_time_is_read_and_shown_with_its_unit(string text, int ms, string shown)
    {
        var (settings, mistake) = PortalSettings.Default.With("search-lag", text);
        Assert.Null(mistake);
        Assert.Equal(ms, settings.SearchLagMs);
        Assert.Equal(shown, PortalSettings.All.Single(setting => setting.Name == "search-lag").Show(settings));
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("1.5s")]
    [InlineData("61m")]
    [InlineData("99999999999s")]
    public void What_is_no_time_is_refused_with_what_is(string text)
    {
        var (settings, mistake) = PortalSettings.Default.With("search-lag", text);
        Assert.Same(PortalSettings.Default, settings);
        Assert.Equal($"Invalid value \"{text}\" for search-lag: use a duration such as 500ms, 5s or 2m, at most 60m.", mistake);
    }

    [Fact]
    public async Task A_change_by_another_process_works_at_the_next_request_and_outlives_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("docket-settings-").FullName;
        try
        {
            await using (var server = await TestServer.StartAsync(directory))
            {
                Assert.Equal("0s", (await server.GetAsync(Path)).Expect(200)["search-lag"]);
                var (exit, output, errors) = await ServerProcess.RunAsync(["portal", "set", "24000001", "search-lag", "5s", "--data", directory]);
                Assert.Equal((0, ""), (exit, errors));
                Assert.Matches(@"search-lag\s+5s", output);
                Assert.Equal("5s", (await server.GetAsync(Path)).Expect(200)["search-lag"]);
            }

            await using (var server = await TestServer.StartAsync(directory))
            {
                Assert.Equal("5s", (await server.GetAsync(Path)).Expect(200)["search-lag"]);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task A_store_knows_the_settings_from_its_opening_on()
    {
        var directory = Directory.CreateTempSubdirectory("docket-settings-").FullName;
        try
        {
            await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory), create: true))
            {
                await portals.ChangeAsync((await portals.CreateAsync("one")).Id, new Dictionary<string, string> { ["search-lag"] = "2s" });
            }

            await using var serving = new SqlitePortals(directory, StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve: true, "token");
            var first = (await serving.ListAsync(TestContext.Current.CancellationToken))[0].Id;
            Assert.Equal(2_000, serving.OpenStore(first).Settings.SearchLagMs);

            await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory)))
            {
                await portals.ChangeAsync(first, new Dictionary<string, string> { ["search-lag"] = "3s", ["search-cap"] = "off" });
            }

            var (caller, store) = (await serving.FindTokenAsync("token", TestContext.Current.CancellationToken))!.Value;
            Assert.Equal(new PortalSettings { SearchCap = false, SearchLagMs = 3_000 }, caller.Settings);
            Assert.Equal(caller.Settings, ((SqliteStore)store).Settings);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Each_portal_has_its_own()
    {
        await using var server = await TestServer.StartAsync();
        await using (var portals = await server.OpenPortalsAsync())
        {
            await portals.ChangeAsync((await portals.CreateAsync("other")).Id, new Dictionary<string, string> { ["search-cap"] = "off" });
        }

        Assert.Equal("on", (await server.GetAsync(Path)).Expect(200)["search-cap"]);
    }

    [Theory]
    [InlineData("Invalid value \"maybe\" for search-cap: use on or off.", "set", "24000001", "search-cap", "maybe")]
    [InlineData("There is no portal 7. See: docket portal list", "set", "7", "search-cap", "off")]
    [InlineData("There is no portal 7. See: docket portal list", "show", "7")]
    public async Task A_mistake_on_the_command_line_is_reported_in_one_line(string line, params string[] command)
    {
        await using var server = await TestServer.StartAsync();
        var (exit, output, errors) = await ServerProcess.RunAsync(["portal", .. command, "--data", server.DataDirectory]);
        Assert.Equal((1, "", $"docket: {line}\n"), (exit, output, errors));
    }

    [Fact]
    public void The_error_for_an_unknown_name_lists_all_names()
    {
        var mistake = PortalSettings.Default.With("search-lack", "5s").Mistake!;
        Assert.StartsWith("Unknown setting \"search-lack\". Known settings: search-cap (on or off); search-lag (a duration such as 500ms, 5s or 2m, at most 60m); ", mistake, StringComparison.Ordinal);
        Assert.All(PortalSettings.All, setting => Assert.Contains($"{setting.Name} ({setting.Values})", mistake, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_from_before_settings_is_upgraded()
    {
        var directory = Directory.CreateTempSubdirectory("docket-settings-").FullName;
        try
        {
            OldFiles.Registry(directory, 1).Dispose();
            await using var server = await TestServer.StartAsync(directory);
            Assert.Equal("on", (await server.GetAsync(Path)).Expect(200)["search-cap"]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
