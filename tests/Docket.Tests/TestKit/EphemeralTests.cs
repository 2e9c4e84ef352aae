using Docket.Sqlite;

namespace Docket.Tests.TestKit;

/// <summary>A server that keeps nothing.</summary>
public sealed class EphemeralTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task It_says_where_it_is_and_its_token_and_leaves_nothing()
    {
        var file = NewFile();
        await using var server = await ServerProcess.ServeEphemeralAsync("--address-file", file);
        await server.WaitForAsync("in memory, with the token test");
        await WaitForAsync(() => File.Exists(file));
        Assert.Equal(server.Url + "\n", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        (await server.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
        var made = (await server.SendAsync(HttpMethod.Post, "/docket/v1/portals", "{}")).Expect(201);
        (await server.SendAsync(HttpMethod.Delete, $"/docket/v1/portals/{made["portalId"]}", "{}")).Expect(204);
        var directory = DirectoryOf(server);
        await server.StopAsync();
        Assert.DoesNotContain("fail:", server.Output, StringComparison.Ordinal);
        Assert.False(directory is not null && Directory.Exists(directory));
        Assert.False(File.Exists(file));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(file)!));
    }

    [Fact]
    public async Task What_a_killed_server_left_is_deleted_at_the_next_start_and_what_is_in_use_is_not()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        await using var killed = await ServerProcess.ServeEphemeralAsync();
        await using var running = await ServerProcess.ServeEphemeralAsync();
        var (left, used) = (DirectoryOf(killed)!, DirectoryOf(running)!);
        killed.Kill();
        await killed.EndAsync();
        using (EphemeralDirectory.Create())
        {
            Assert.False(Directory.Exists(left));
            Assert.True(Directory.Exists(used));
            Assert.True(EphemeralDirectory.Holds(Path.Combine(used, "docket.db"))); // so nothing of it is synced
        }

        (await running.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
    }

    [Fact]
    public async Task It_ends_with_its_parent_even_if_that_was_killed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no sh");
        var file = NewFile();
        await using var parent = await ServerProcess.ServeEphemeralAsync(["sh", "-c", "\"$0\" \"$@\" & wait"], "--exit-with-parent", "--address-file", file);
        await WaitForAsync(() => File.Exists(file));
        parent.Kill();
        await parent.WaitForAsync("Stopped");
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("--data", "somewhere")]
    [InlineData("--store", "Host=nowhere")]
    public async Task It_is_refused_together_with_a_place_for_data(string option, string value)
    {
        var (exit, output, errors) = await ServerProcess.RunAsync(["serve", "--ephemeral", option, value]);
        Assert.Equal((1, "", "docket: --ephemeral keeps all data in memory. Leave it out, or leave out --data and --store.\n"), (exit, output, errors));
    }

    [Fact]
    public async Task The_address_is_in_the_file_of_a_server_with_data_too_and_an_older_one_is_not_seen()
    {
        var file = NewFile();
        var data = Directory.CreateTempSubdirectory("docket-test-").FullName;
        try
        {
            await File.WriteAllTextAsync(file, "http://127.0.0.1:1\n", TestContext.Current.CancellationToken);
            await using (var server = await ServerProcess.ServeAsync(data, ["--address-file", file]))
            {
                await WaitForAsync(() => File.Exists(file) && File.ReadAllText(file) == server.Url + "\n");
                await server.StopAsync();
            }

            await File.WriteAllTextAsync(file, "http://127.0.0.1:1\n", TestContext.Current.CancellationToken);
            var (exit, _, _) = await ServerProcess.RunAsync(["serve", "--data", data, "--urls", "nonsense", "--address-file", file]);
            Assert.Equal((1, false), (exit, File.Exists(file)));
        }
        finally
        {
            await TestEngine.DeleteAsync(data);
        }
    }

    [Fact]
    public async Task A_second_server_in_the_same_process_has_its_own_data()
    {
        var options = new DocketOptions { Ephemeral = true, Urls = "http://127.0.0.1:0" };
        await using var one = await DocketServer.StartAsync(options, TestContext.Current.CancellationToken);
        await using var two = await DocketServer.StartAsync(options, TestContext.Current.CancellationToken);
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", "test");
        using var made = await http.PostAsync(one.Url + Tickets, new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", null, "application/json"), TestContext.Current.CancellationToken);
        Assert.Equal(201, (int)made.StatusCode);
        Assert.Equal("""{"results":[]}""", await http.GetStringAsync(two.Url + Tickets, TestContext.Current.CancellationToken));
        Assert.Null(one.FirstToken);
    }

    [Fact]
    public async Task An_unused_portal_has_no_search_index_and_less_than_a_hundred_kilobytes()
    {
        await using var server = await TestServer.StartAsync(ephemeral: true);
        var made = (await server.PostAsync("/docket/v1/portals", "{}")).Expect(201);
        var files = new DirectoryInfo(server.DataDirectory).GetFiles($"portal-{made["portalId"]}.*");
        Assert.Equal([$"portal-{made["portalId"]}.db"], files.Select(file => file.Name));
        Assert.InRange(files[0].Length, 1, 100_000);
    }

    [Fact]
    public async Task The_deletion_of_a_portal_fails_nowhere()
    {
        await using var server = await ServerProcess.ServeEphemeralAsync();
        var made = (await server.SendAsync(HttpMethod.Post, "/docket/v1/portals", "{}")).Expect(201);
        (await server.SendAsync(HttpMethod.Delete, $"/docket/v1/portals/{made["portalId"]}", "{}")).Expect(204);
        await server.StopAsync();
        Assert.DoesNotContain(server.Log, line => line.Contains(" fail: ", StringComparison.Ordinal));
    }

    static string NewFile() => Path.Combine(Directory.CreateTempSubdirectory("docket-test-").FullName, "address");

    /// <summary>Where a server has its data, from its open files; <c>null</c> where the system doesn't tell.</summary>
    static string? DirectoryOf(ServerProcess server) => !OperatingSystem.IsLinux() ? null
        : Directory.EnumerateFileSystemEntries($"/proc/{server.Id}/fd").Select(file => new FileInfo(file).LinkTarget).OfType<string>()
            .Where(target => target.Contains("docket-ephemeral-", StringComparison.Ordinal)).Select(target => Path.GetDirectoryName(target)).First();

    static async Task WaitForAsync(Func<bool> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition())
        {
            await Task.Delay(10, enough.Token);
        }
    }
}
