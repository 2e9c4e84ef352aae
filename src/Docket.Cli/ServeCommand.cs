using System.CommandLine;
using System.Runtime.InteropServices;
using Docket.Model;
using Microsoft.Extensions.Configuration;

namespace Docket.Cli;

/// <summary><c>docket serve</c>: serves until it is stopped.</summary>
internal static class ServeCommand
{
    public static Command Make()
    {
        var data = DataOption.Make();
        var urls = new Option<string>("--urls")
        {
            Description = "The address to listen on; port 0 chooses a free port",
            DefaultValueFactory = _ => new DocketOptions().Urls,
        };
        var token = new Option<string?>("--token")
        {
            Description = "A fixed development token for the first portal, with all scopes (also DOCKET_TOKEN)",
        };
        var name = new Option<string>("--name")
        {
            Description = "The server's name on the sign-in pages",
            DefaultValueFactory = _ => new DocketOptions().Name,
        };
        var proxies = new Option<string[]>("--trusted-proxy")
        {
            Description = "Address or network of a reverse proxy whose X-Forwarded-For, -Proto and -Host headers are trusted, such as 127.0.0.1 or 10.0.0.0/24; may be repeated",
        };
        var metrics = new Option<string?>("--metrics")
        {
            Description = "The address for GET /metrics, for Prometheus, without a token and separate from the API, such as http://127.0.0.1:9464",
        };
        var log = new Option<string>("--log")
        {
            Description = "The format of the log: text, or json with one object per line",
            DefaultValueFactory = _ => "text",
        };
        log.AcceptOnlyFromAmong("text", "json");
        var logRequests = new Option<bool>("--log-requests")
        {
            Description = "Log every request",
        };
        var logValues = new Option<string?>("--log-values")
        {
            Description = "Whether logged requests show values of tickets and keys. Tokens are never shown [default: hide, with --token: show]",
        };
        logValues.AcceptOnlyFromAmong("show", "hide");
        var strictStart = new Option<bool>("--strict-start")
        {
            Description = "Do not start if a portal's file is missing or damaged; by default, the other portals are served",
        };
        var ephemeral = new Option<bool>("--ephemeral")
        {
            Description = $"For tests: keep all data in memory until the server stops, with the token {DocketServer.EphemeralToken} by default; includes --test-kit",
        };
        var testKit = new Option<bool>("--test-kit")
        {
            Description = "Serve the paths with which tests create, change and delete portals",
        };
        var seed = new Option<string?>("--seed")
        {
            Description = "A file with records and definitions with which the first portal is created; ignored if there is one",
        };
        var exitWithParent = new Option<bool>("--exit-with-parent")
        {
            Description = "Stop when the process ends that started this one",
        };
        var addressFile = new Option<string?>("--address-file")
        {
            Description = "A file that contains the address while the server is running, for port 0",
        };
        var command = new Command("serve", "Serve the API.") { data, urls, token, name, proxies, metrics, log, logRequests, logValues, strictStart, ephemeral, testKit, seed, exitWithParent, addressFile };
        command.SetAction((parsed, cancellation) =>
        {
            if (parsed.GetValue(ephemeral) && (parsed.GetResult(data.Directory) is { Implicit: false } || parsed.GetValue(data.Store) is not null))
            {
                throw new OperatorMistake("--ephemeral keeps all data in memory. Leave it out, or leave out --data and --store.");
            }

            var place = parsed.GetRequiredValue(data);
            return RunAsync(new DocketOptions
            {
                DataDirectory = place.Directory,
                Store = place.Store,
                StorePasswordFile = place.PasswordFile,
                Urls = parsed.GetRequiredValue(urls),
                // Not the option's default value, because help would show it.
                Token = NullIfEmpty(parsed.GetValue(token) ?? Environment.GetEnvironmentVariable("DOCKET_TOKEN")),
                Name = parsed.GetRequiredValue(name),
                TrustedProxies = parsed.GetValue(proxies) ?? [],
                MetricsUrls = parsed.GetValue(metrics),
                JsonLog = parsed.GetValue(log) == "json",
                LogRequests = parsed.GetValue(logRequests),
                HideValues = parsed.GetValue(logValues) is { } wanted ? wanted == "hide" : null,
                StrictStart = parsed.GetValue(strictStart),
                Ephemeral = parsed.GetValue(ephemeral),
                TestKit = parsed.GetValue(testKit),
                SeedFile = NullIfEmpty(parsed.GetValue(seed)),
                // No other environment variable has an effect.
                Kestrel = new ConfigurationBuilder().AddEnvironmentVariables("Kestrel__").Build(),
                ExportTraces = ExportsTraces(),
            }, parsed.GetValue(exitWithParent), NullIfEmpty(parsed.GetValue(addressFile)), cancellation);
        });
        return command;
    }

    static async Task RunAsync(DocketOptions options, bool exitWithParent, string? addressFile, CancellationToken cancellation)
    {
        // From before the start: the parent may end in the meantime.
        var parentEnd = exitWithParent ? ParentProcess.EndAsync(cancellation) : new TaskCompletionSource().Task;
        WriteAddress(addressFile, null); // of an earlier start
        var preloading = Task.Run(Preload.Run, CancellationToken.None);
        var console = options.JsonLog ? Console.Error : Console.Out; // with JSON, the log must contain nothing else
        var stop = new TaskCompletionSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

        await using (var server = await DocketServer.StartAsync(options, cancellation))
        {
            await preloading;
            Greet(console, server, options);
            WriteAddress(addressFile, server.Url);
            await Task.WhenAny(stop.Task, parentEnd);
            WriteAddress(addressFile, null);
            console.WriteLine("Finishing the requests in progress. Press Ctrl-C again to stop at once.");
        }

        console.WriteLine("Stopped.");

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = stop.TrySetResult(); // we end the process ourselves after everything is written; a second signal ends it at once
        }
    }

    // Whoever finds the file finds the whole address.
    static void WriteAddress(string? file, string? address)
    {
        if (file is not null && address is null)
        {
            File.Delete(file);
        }
        else if (file is not null)
        {
            var unfinished = $"{file}.{Environment.ProcessId}";
            File.WriteAllText(unfinished, address + "\n");
            File.Move(unfinished, file, overwrite: true);
        }
    }

    // The library reads the variables itself, and ignores invalid addresses.
    static bool ExportsTraces()
    {
        var wanted = false;
        foreach (var name in (string[])["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
        {
            if (NullIfEmpty(Environment.GetEnvironmentVariable(name)) is { } endpoint)
            {
                wanted = Uri.TryCreate(endpoint, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? true
                    : throw new OperatorMistake($"{name} is \"{endpoint}\", which is not a valid address for traces. Use one such as http://127.0.0.1:4317.");
            }
        }

        return wanted;
    }

    static bool IsBeyondLoopback(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && !address.IsLoopback && address.Host is not ("unix" or "pipe");

    static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    static void Greet(TextWriter console, DocketServer server, DocketOptions options)
    {
        console.WriteLine($"Docket serves portal {server.PortalId} on {string.Join(" and ", server.Urls)}, {(!options.Ephemeral ? $"data in {Path.GetFullPath(options.DataDirectory)}"
            : options.Token is null ? $"in memory, with the token {DocketServer.EphemeralToken}" : "in memory")}");
        if (options.Token is not null && server.Urls.FirstOrDefault(IsBeyondLoopback) is { } open)
        {
            Console.Error.WriteLine($"docket: The development token gives full access, also from other machines through {open}. Use it on 127.0.0.1 only. To create a token for an app: docket app create NAME");
        }

        if (options.SeedFile is { } seed && !server.IsFilled)
        {
            console.WriteLine($"{seed} was not loaded: there is a portal already.");
        }

        if (server.MetricsUrl is { } metrics)
        {
            console.WriteLine($"Metrics on {metrics}");
        }

        var rotate = $"docket app rotate {server.FirstApp} --data {options.DataDirectory}";
        if (server.FirstToken is not { } token)
        {
            if (server.FirstApp is not null)
            {
                console.WriteLine($"Nothing was written to it yet. If you lost its first token, create a new one: {rotate}");
            }

            return;
        }

        console.WriteLine(
            $$$$"""

            This is a new portal. Its access token, shown only once:

              {{{{token}}}}

            If it gets lost, make a new one: {{{{rotate}}}}

            Create a ticket, or update it when you run this again:

              curl -X POST {{{{server.Url}}}}/crm/v3/objects/tickets/batch/upsert \
                -H "Authorization: Bearer {{{{token}}}}" \
                -H "Content-Type: application/json" \
                -d '{"inputs":[{"idProperty":"hs_external_object_ids","id":"A-1001","properties":{"subject":"Printer on fire","hs_pipeline_stage":"1"}}]}'

            """);
    }
}
