using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Docket;

/// <summary>Addresses, certificates and what a connection may take.</summary>
internal static class Listening
{
    /// <summary>How fast a body has to come in the long run: slower than any line that still carries anything.</summary>
    public const double BodyBytesPerSecondMin = 240;

    const string NameCertificate = "Name one with Kestrel__Certificates__Default__Path, and its …__KeyPath or …__Password.";

    /// <summary>The addresses of the server.</summary>
    /// <exception cref="OperatorMistake">One is no address, or there is no certificate for it.</exception>
    public static string[] Addresses(DocketOptions options)
    {
        var urls = Addresses(options.Urls, "http://127.0.0.1:8787", "http", "https");
        if (urls.Any(IsTls) && options.Kestrel?.GetSection("Certificates:Default").GetChildren().Any() is not true)
        {
            // Else Kestrel takes the certificate that the SDK makes for developers, if there is one.
            throw new OperatorMistake($"Cannot listen on {options.Urls}: there is no certificate. {NameCertificate}");
        }

        return urls;
    }

    /// <summary>Sets what a connection, a request and a body may take.</summary>
    public static void Limit(KestrelServerOptions kestrel, DocketOptions options, BodyBudget budget)
    {
        if (IsTls(options.Urls))
        {
            kestrel.Configure(options.Kestrel!);
        }

        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1; // takes any byte; as UTF-8 Kestrel itself would answer 400 without an envelope
        kestrel.Limits.MaxRequestBodySize = Math.Min(RequestBody.BytesMax, budget.BytesMax);
        kestrel.Limits.MaxConcurrentConnections = DescriptorsMax() / 2; // half is left to files and threads: a runtime that can't start a thread ends the process
        kestrel.Limits.MaxRequestLineSize = 64 * 1024; // long property lists in the query (reference/objects-and-batch.md 3.4, 414)
        kestrel.Limits.MaxRequestBufferSize = 256 * 1024; // a usual batch fits, so reading it never waits for the reader
        kestrel.Limits.RequestHeadersTimeout = options.Patience;
        kestrel.Limits.MinRequestBodyDataRate = new(BodyBytesPerSecondMin, options.Patience); // uploads of lines are let off: they may come as they are made
    }

    /// <summary>Starts something that listens, and says in one line why it cannot.</summary>
    /// <exception cref="OperatorMistake">It cannot.</exception>
    public static async Task<T> StartAsync<T>(string urls, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        // What Kestrel throws for a certificate that isn't there, is no certificate, or doesn't fit its key or password.
        catch (Exception failure) when (IsTls(urls) && failure is InvalidOperationException or NotSupportedException or CryptographicException or ArgumentException or FormatException or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: the certificate can't be used ({failure.Message.Split('\n')[0].Trim().TrimEnd('.')}). {NameCertificate}");
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: " + SocketErrorOf(failure) switch
            {
                SocketError.AddressAlreadyInUse => "another program uses the port. Stop it, or choose another port.",
                SocketError.AccessDenied => "the user that runs Docket may not use this port. Choose one from 1024 on.",
                SocketError.AddressNotAvailable => "this machine has no such address. 127.0.0.1 is for this machine only, 0.0.0.0 for all of its addresses.",
                _ => failure.Message,
            });
        }
    }

    static SocketError? SocketErrorOf(Exception? failure) => failure switch
    {
        null => null,
        SocketException socket => socket.SocketErrorCode,
        AggregateException several => several.InnerExceptions.Select(SocketErrorOf).FirstOrDefault(error => error is not null),
        _ => SocketErrorOf(failure.InnerException),
    };

    /// <summary>How many file descriptors the process may have; <c>null</c> where the system doesn't say.</summary>
    public static long? DescriptorsMax() =>
        File.Exists("/proc/self/limits")
        && File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, var soft, ..]
        && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var max) ? max : null;

    public static bool IsTls(string urls) => urls.Contains("https:", StringComparison.OrdinalIgnoreCase);

    /// <summary>The addresses that a list names.</summary>
    /// <param name="text">Separated by semicolons.</param>
    /// <param name="example">A right one, for the message.</param>
    /// <param name="schemes">Those that it may have.</param>
    /// <exception cref="OperatorMistake">One is no address.</exception>
    public static string[] Addresses(string text, string example, params string[] schemes)
    {
        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in urls is [] ? [""] : urls)
        {
            // As Kestrel reads it: * and + stand for any host, which makes it no proper URL.
            if (!Uri.TryCreate(url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal), UriKind.Absolute, out var address) || !schemes.Contains(address.Scheme))
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": it is not an address. Give one such as {example}.");
            }

            if (address.Host is "unix" or "pipe")
            {
                continue; // what follows is a path
            }

            if (address is not { PathAndQuery: "/", Fragment: "", UserInfo: "" })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": an address has a host and a port and nothing after them. Give {address.Scheme}://{address.Host}:{address.Port}.");
            }

            if (address is { Host: "localhost", Port: 0 })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": localhost is several addresses, which would get ports of their own. Give {address.Scheme}://127.0.0.1:0.");
            }
        }

        return urls;
    }

    /// <summary>The addresses of a proxy.</summary>
    /// <exception cref="OperatorMistake">It is none.</exception>
    public static IPNetwork ToNetwork(string text)
    {
        if (IPAddress.TryParse(text, out var address))
        {
            return new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        }

        return IPNetwork.TryParse(text, out var network) ? network
            : throw new OperatorMistake($"\"{text}\" is not the address of a proxy. Give an address such as 10.0.0.1 or a network such as 10.0.0.0/24.");
    }
}
