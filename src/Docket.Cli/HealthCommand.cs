using System.CommandLine;
using System.Diagnostics;
using System.Net.Security;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket health</c>: asks a server whether it is ready, where there is neither curl nor a shell.</summary>
internal static class HealthCommand
{
    /// <summary>An answer takes up to ten seconds if the disk is slow.</summary>
    const int AnswerSeconds = 10;

    const int BetweenTriesMs = 100;

    public static Command Make()
    {
        var url = new Option<string>("--url") { Description = "The server's address", DefaultValueFactory = _ => new DocketOptions().Urls };
        var wait = Numbers.Option("--wait", "Seconds to wait for a server that starts", 0, 3_600, unset: 0);
        var command = new Command("health", "Ask a running server whether it is ready. Exit code 1 if it isn't.") { url, wait };
        command.SetAction(async (parsed, cancellation) =>
        {
            var address = ProxyCommand.AddressOf(parsed.GetRequiredValue(url), new DocketOptions().Urls);
            var isLocal = new Uri(address).IsLoopback;
            using var http = new HttpClient(new SocketsHttpHandler
            {
                UseProxy = false,
                // On the same machine, the server has an address that its certificate is not for.
                SslOptions = { RemoteCertificateValidationCallback = (_, _, _, errors) => errors == SslPolicyErrors.None || isLocal },
            })
            { Timeout = TimeSpan.FromSeconds(AnswerSeconds) };
            for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(BetweenTriesMs, cancellation))
            {
                var (ready, said) = await AskAsync(http, address, cancellation);
                if (ready)
                {
                    Console.WriteLine(said);
                    return;
                }

                if (Stopwatch.GetElapsedTime(began).TotalSeconds >= parsed.GetValue(wait))
                {
                    throw new OperatorMistake(said);
                }
            }
        });
        return command;
    }

    static async Task<(bool Ready, string Said)> AskAsync(HttpClient http, string address, CancellationToken cancellation)
    {
        try
        {
            using var answer = await http.GetAsync($"{address}/readyz", cancellation);
            var body = await answer.Content.ReadAsStringAsync(cancellation);
            return answer.IsSuccessStatusCode ? (true, body) : (false, $"{address} is not ready: {(int)answer.StatusCode} {body}");
        }
        catch (HttpRequestException unreachable)
        {
            return (false, $"{address} can't be reached: {unreachable.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (false, $"{address} did not answer within {AnswerSeconds} seconds.");
        }
    }
}
