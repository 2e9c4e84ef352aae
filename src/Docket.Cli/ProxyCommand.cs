using System.CommandLine;
using System.Runtime.InteropServices;
using Docket.Conversations.Recording;
using Docket.Model;

namespace Docket.Cli;

/// <summary><c>docket proxy</c>: records what a program asks HubSpot.</summary>
internal static class ProxyCommand
{
    /// <summary>The address of HubSpot's API.</summary>
    public const string HubSpot = "https://api.hubapi.com";

    /// <summary>How often the file is written while requests come in.</summary>
    static readonly TimeSpan BetweenSaves = TimeSpan.FromSeconds(5);

    public static Command Make()
    {
        var file = new Argument<string>("file") { Description = "The conversation to write (.hurl); must not exist" };
        var url = new Option<string>("--url") { Description = "HubSpot's address", DefaultValueFactory = _ => HubSpot };
        var listen = new Option<string>("--urls") { Description = "The address to listen on; port 0 chooses a free port", DefaultValueFactory = _ => "http://127.0.0.1:8788" };
        var replace = new Option<string[]>("--replace") { Description = "A property whose values are personal, besides names, addresses and phone numbers; may be repeated" };
        var command = new Command(
            "proxy", "Forward requests to HubSpot, and record them and their answers in a conversation, with tokens and personal values replaced.") { file, url, listen, replace };
        command.SetAction((parsed, _) => RunAsync(
            Path.GetFullPath(parsed.GetRequiredValue(file)), AddressOf(parsed.GetRequiredValue(url)), AddressOf(parsed.GetRequiredValue(listen)), parsed.GetValue(replace) ?? []));
        return command;
    }

    /// <summary>An address without a slash at its end.</summary>
    /// <exception cref="OperatorMistake">It isn't one. The message has the example.</exception>
    public static string AddressOf(string text, string example = HubSpot) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.PathAndQuery == "/" ? url.GetLeftPart(UriPartial.Authority)
            : throw new OperatorMistake($"\"{text}\" is not a valid address. Use one such as {example}.");

    static async Task RunAsync(string file, string upstream, string listen, string[] replace)
    {
        // Before anything is recorded: at the end it would be too late.
        await new FileStream(file, FileMode.CreateNew).DisposeAsync();
        var recorder = new Recorder(upstream, replace);
        var stop = new TaskCompletionSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var saved = 0;
        await using (var proxy = await RecordingProxy.StartAsync(listen, upstream, recorder))
        {
            Console.WriteLine($"Forwarding {proxy.Url} to {upstream}, recording in {file}. End it with Ctrl-C.");
            while (await Task.WhenAny(stop.Task, Task.Delay(BetweenSaves)) != stop.Task)
            {
                Save();
            }
        }

        Save();
        Console.WriteLine($"{saved} requests are in {file}. Tokens, names, addresses and phone numbers are replaced; read it before you pass it on, because other texts are as they were.");

        void Save()
        {
            string text;
            lock (recorder)
            {
                if (recorder.Count == saved)
                {
                    return;
                }

                saved = recorder.Count;
                text = recorder.ToConversation();
            }

            File.WriteAllText(file, text);
        }

        void Stop(PosixSignalContext signal) => signal.Cancel = stop.TrySetResult();
    }
}
