using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Docket;

/// <summary>Addresses, certificates and the limits of a connection.</summary>
internal static class Listening
{
    /// <summary>The minimum average rate of a body: slower than any usable connection.</summary>
    public const double BodyBytesPerSecondMin = 240;

    const string NameCertificate = "Set Kestrel__Certificates__Default__Path, and …__KeyPath or …__Password.";

    /// <summary>The addresses of the server.</summary>
    /// <exception cref="OperatorMistake">An address is invalid, or there is no certificate for it.</exception>
    public static string[] Addresses(DocketOptions options)
    {
        var urls = Addresses(options.Urls, "http://127.0.0.1:8787", "http", "https");
        if (urls.Any(IsTls) && options.Kestrel?.GetSection("Certificates:Default").GetChildren().Any() is not true)
        {
            // Otherwise Kestrel uses the development certificate of the SDK, if there is one.
            throw new OperatorMistake($"Cannot listen on {options.Urls}: there is no certificate. {NameCertificate}");
        }

        return urls;
    }

    /// <summary>Sets the limits of connections, requests and bodies.</summary>
    public static void Limit(KestrelServerOptions kestrel, DocketOptions options, BodyBudget budget)
    {
        if (IsTls(options.Urls))
        {
            kestrel.Configure(options.Kestrel!);
        }

        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1; // accepts any byte; with UTF-8, Kestrel itself would answer 400 without an envelope
        kestrel.Limits.MaxRequestBodySize = Math.Min(RequestBody.BytesMax, budget.BytesMax);
        kestrel.Limits.MaxConcurrentConnections = DescriptorsMax() / 2; // half is left for files and threads: a runtime that can't start a thread ends the process
        kestrel.Limits.MaxRequestLineSize = 64 * 1024; // long property lists in the query (reference/objects-and-batch.md 3.4, 414)
        kestrel.Limits.MaxRequestBufferSize = 256 * 1024; // a typical batch fits, so reading it never waits for the reader
        kestrel.Limits.RequestHeadersTimeout = options.Patience;
        kestrel.Limits.MinRequestBodyDataRate = new(BodyBytesPerSecondMin, options.Patience); // not for NDJSON uploads: they may be sent as they are generated
    }

    /// <summary>Starts something that listens, and reports a failure in one line.</summary>
    /// <exception cref="OperatorMistake">It failed.</exception>
    public static async Task<T> StartAsync<T>(string urls, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        // What Kestrel throws if the certificate is missing, is not a certificate, or doesn't match its key or password.
        catch (Exception failure) when (IsTls(urls) && failure is InvalidOperationException or NotSupportedException or CryptographicException or ArgumentException or FormatException or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: the certificate can't be used ({failure.Message.Split('\n')[0].Trim().TrimEnd('.')}). {NameCertificate}");
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: " + SocketErrorOf(failure) switch
            {
                SocketError.AddressAlreadyInUse => "another program uses the port. Stop it or use another port.",
                SocketError.AccessDenied => "the user that runs Docket is not allowed to use this port. Use port 1024 or higher.",
                SocketError.AddressNotAvailable => "this machine has no such address. Use 127.0.0.1 for connections from this machine only, or 0.0.0.0 for all of its addresses.",
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

    /// <summary>The maximum number of file descriptors of the process; <c>null</c> if the system doesn't report it.</summary>
    public static long? DescriptorsMax() =>
        File.Exists("/proc/self/limits")
        && File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, var soft, ..]
        && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var max) ? max : null;

    public static bool IsTls(string urls) => urls.Contains("https:", StringComparison.OrdinalIgnoreCase);

    /// <summary>Parses a list of addresses.</summary>
    /// <param name="text">Separated by semicolons.</param>
    /// <param name="example">A valid address, for the message.</param>
    /// <param name="schemes">The allowed schemes.</param>
    /// <exception cref="OperatorMistake">An address is invalid.</exception>
    public static string[] Addresses(string text, string example, params string[] schemes)
    {
        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in urls is [] ? [""] : urls)
        {
            // As in Kestrel, * and + mean any host, so that it isn't a valid URL.
            if (!Uri.TryCreate(url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal), UriKind.Absolute, out var address) || !schemes.Contains(address.Scheme))
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": it is not an address. Use an address such as {example}.");
            }

            if (address.Host is "unix" or "pipe")
            {
                continue; // the rest is a path
            }

            if (address is not { PathAndQuery: "/", Fragment: "", UserInfo: "" })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": an address has a host and a port and nothing after them. Use {address.Scheme}://{address.Host}:{address.Port}.");
            }

            if (address is { Host: "localhost", Port: 0 })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": localhost is several addresses, which would get different ports. Use {address.Scheme}://127.0.0.1:0.");
            }
        }

        return urls;
    }

    /// <summary>Parses the address or network of a proxy.</summary>
    /// <exception cref="OperatorMistake">It is not an address.</exception>
    public static IPNetwork ToNetwork(string text)
    {
        if (IPAddress.TryParse(text, out var address))
        {
            return new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        }

        return IPNetwork.TryParse(text, out var network) ? network
            : throw new OperatorMistake($"\"{text}\" is not the address of a proxy. Use an address such as 10.0.0.1 or a network such as 10.0.0.0/24.");
    }
}
