using System.CommandLine;
using System.Runtime.InteropServices;

namespace Docket.Cli;

/// <summary><c>docket serve</c>: serves until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Make()
    {
        var data = DataOption.Make();
        var urls = new Option<string>("--urls")
        {
            Description = "Where to listen; port 0 picks a free one",
            DefaultValueFactory = _ => new DocketOptions().Urls,
        };
        var token = new Option<string?>("--token")
        {
            Description = "A fixed development token for the first portal, with all scopes (also DOCKET_TOKEN)",
        };
        var command = new Command("serve", "Serve the API.") { data, urls, token };
        command.SetAction((parsed, cancellation) => RunAsync(
            new DocketOptions
            {
                DataDirectory = parsed.GetRequiredValue(data),
                Urls = parsed.GetRequiredValue(urls),
                // Not the option's default value: help would show it.
                Token = NullIfEmpty(parsed.GetValue(token) ?? Environment.GetEnvironmentVariable("DOCKET_TOKEN")),
            },
            cancellation));
        return command;
    }

    static async Task RunAsync(DocketOptions options, CancellationToken cancellation)
    {
        var stop = new TaskCompletionSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

        await using (var server = await DocketServer.StartAsync(options, cancellation))
        {
            Greet(server, options);
            await stop.Task;
            Console.WriteLine("Finishing the requests under way …");
        }

        Console.WriteLine("Stopped.");

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true; // we end the process ourselves, when all is written
            stop.TrySetResult();
        }
    }

    static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    static void Greet(DocketServer server, DocketOptions options)
    {
        Console.WriteLine($"Docket serves portal {server.PortalId} on {server.Url}, data in {Path.GetFullPath(options.DataDirectory)}");
        if (server.FirstToken is not { } token)
        {
            return;
        }

        Console.WriteLine(
            $$$$"""

            This is a new portal. Its access token, shown this once:

              {{{{token}}}}

            Create a ticket, or update it when you run this again:

              curl -X POST {{{{server.Url}}}}/crm/v3/objects/tickets/batch/upsert \
                -H "Authorization: Bearer {{{{token}}}}" \
                -H "Content-Type: application/json" \
                -d '{"inputs":[{"idProperty":"hs_external_object_ids","id":"A-1001","properties":{"subject":"Printer on fire","hs_pipeline_stage":"1"}}]}'

            """);
    }
}
