using System.CommandLine;
using System.Runtime.InteropServices;
using Docket.Conversations;
using Docket.Conversations.Comparing;
using Docket.Conversations.Recording;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket compare</c>: what HubSpot and Docket answer to the same requests.</summary>
internal static class CompareCommand
{
    /// <summary>The exit code if answers are different. 1 means that the comparison failed.</summary>
    const int Different = 2;

    /// <summary>Each value of a difference is shown up to here.</summary>
    const int ShownMax = 300;

    public static Command Make()
    {
        var files = new Argument<string[]>("file") { Description = "Conversations (.hurl), or request logs of Docket (.json)", Arity = ArgumentArity.OneOrMore };
        var token = new Option<string?>("--with-token") { Description = "A token of the HubSpot account (also HUBSPOT_ACCESS_TOKEN). Use a test account" };
        var url = new Option<string>("--url") { Description = "HubSpot's address", DefaultValueFactory = _ => ProxyCommand.HubSpot };
        var docket = new Option<string?>("--docket") { Description = "The address of a Docket (default: an empty one is started for each file)" };
        var docketToken = new Option<string?>("--docket-token") { Description = "Its token" };
        var perSecond = Numbers.Option("--per-second", "Calls to HubSpot in a second; a search counts as five", 1, 1_000, unset: 9);
        var searchWait = Numbers.Option("--search-wait", "Seconds to repeat a search whose answer is different, because HubSpot's search lags", 0, 600, unset: 20);
        var all = new Option<bool>("--all") { Description = "Also list the requests with the same answers" };
        var yes = new Option<bool>("--yes") { Description = "Don't ask for confirmation" };
        var command = new Command(
            "compare", "Send the requests of files to HubSpot and to Docket, print the differences of the answers, and delete what was created. Exit code 2 if there are differences.")
        {
            files, token, url, docket, docketToken, perSecond, searchWait, all, yes,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var account = (Url: ProxyCommand.AddressOf(parsed.GetRequiredValue(url)), Token: parsed.GetValue(token) ?? Environment.GetEnvironmentVariable("HUBSPOT_ACCESS_TOKEN"));
            if (string.IsNullOrEmpty(account.Token))
            {
                throw new OperatorMistake("A token of the account is needed: --with-token, or HUBSPOT_ACCESS_TOKEN.");
            }

            if (parsed.GetValue(docket) is not null && parsed.GetValue(docketToken) is null)
            {
                throw new OperatorMistake("--docket needs --docket-token.");
            }

            var conversations = parsed.GetRequiredValue(files).Select(Read).ToList();
            if (!parsed.GetValue(yes))
            {
                Confirm(conversations, account.Url, parsed.GetValue(perSecond));
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            var pace = new Pace(parsed.GetValue(perSecond), TimeProvider.System);
            var report = new Report(parsed.GetValue(all));
            foreach (var conversation in conversations)
            {
                await using var other = parsed.GetValue(docket) is { } address ? null : await OwnDocket.StartAsync(stop.Token);
                using var left = new Side(account.Url, account.Token, pace, TimeProvider.System);
                using var right = other is null ? new Side(ProxyCommand.AddressOf(parsed.GetValue(docket)!), parsed.GetValue(docketToken)!, null, TimeProvider.System) : new Side(other.Url, OwnDocket.Token, null, TimeProvider.System);
                try
                {
                    await new Comparison(left, right, TimeSpan.FromSeconds(parsed.GetValue(searchWait)), TimeProvider.System).RunAsync(conversation, report.Add, stop.Token);
                }
                catch (HttpRequestException lost)
                {
                    throw new OperatorMistake($"There was no answer: {lost.Message}");
                }
                catch (OperationCanceledException late)
                {
                    throw new OperatorMistake(stop.IsCancellationRequested ? "The comparison was stopped." : $"There was no answer: {late.Message}");
                }
                finally
                {
                    await DeleteAsync(left);
                    if (other is null)
                    {
                        await DeleteAsync(right);
                    }
                }
            }

            report.PrintTotals();
            return report.Different == 0 ? 0 : Different;

            void Stop(PosixSignalContext signal)
            {
                signal.Cancel = !stop.IsCancellationRequested; // a second signal ends the process
                Console.Error.WriteLine("Stopping, and deleting what was created. Press Ctrl-C again to leave it there.");
                stop.Cancel();
            }
        });
        return command;
    }

    static Conversation Read(string file)
    {
        var text = File.ReadAllText(file);
        try
        {
            return Conversation.Parse(Path.GetFileName(file), (JsonText.IsJson(text.TrimStart()) ? RequestLog.ToConversation(text) : text).Split('\n'));
        }
        catch (FormatException mistake)
        {
            throw new OperatorMistake(mistake.Message);
        }
    }

    static void Confirm(List<Conversation> conversations, string url, int perSecond)
    {
        var requests = conversations.SelectMany(conversation => conversation.Exchanges).Where(request => !Target.IsDockets(request.Path)).ToList();
        Ask.ToConfirm(
            $"""
            This sends {requests.Count} requests to {url}, at most {perSecond} a second, {requests.Count(request => Target.IsWrite(request.Method, request.Path))} of them writes.
            What they create is deleted afterwards. Nothing else is changed, but the account's workflows, webhooks and limits see the calls: use a test account.
            """,
            "compare");
    }

    static async Task DeleteAsync(Side side)
    {
        var (deleted, left) = await side.DeleteCreatedAsync();
        if (deleted > 0)
        {
            Console.WriteLine($"Deleted from {side.Url} what was created: {deleted}.");
        }

        foreach (var thing in left)
        {
            Console.Error.WriteLine($"docket: Still in {side.Url}: {thing}");
        }
    }

    /// <summary>Prints results as they come in, and counts them.</summary>
    sealed class Report(bool all)
    {
        int same;
        int notSent;

        public int Different { get; private set; }

        public void Add(Compared compared)
        {
            var request = $"{compared.Where}: {compared.Method} {compared.Path}";
            if (compared.NotSent is { } reason)
            {
                notSent++;
                Console.WriteLine($"{request}\n  not sent: {reason}");
            }
            else if (compared.Differences.Count > 0)
            {
                Different++;
                Console.WriteLine(request);
                foreach (var difference in compared.Differences)
                {
                    Console.WriteLine($"  {difference.Path}\n    HubSpot: {Short(difference.Account)}\n    Docket:  {Short(difference.Docket)}");
                }
            }
            else
            {
                same++;
                if (all)
                {
                    Console.WriteLine($"{request}\n  the same");
                }
            }
        }

        public void PrintTotals() => Console.WriteLine($"{same} the same, {Different} different, {notSent} not sent.");

        static string Short(string text) => text.Length <= ShownMax ? text : $"{text[..ShownMax]}…";
    }

    /// <summary>An empty Docket in this process.</summary>
    sealed class OwnDocket(DocketServer server, string directory) : IAsyncDisposable
    {
        public const string Token = "compare";

        public string Url => server.Url;

        public static async Task<OwnDocket> StartAsync(CancellationToken cancellation)
        {
            var directory = Directory.CreateTempSubdirectory("docket-compare-").FullName;
            return new(await DocketServer.StartAsync(new() { DataDirectory = directory, Urls = "http://127.0.0.1:0", Token = Token }, cancellation), directory);
        }

        public async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }
    }
}
