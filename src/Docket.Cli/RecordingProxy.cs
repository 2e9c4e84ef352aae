using System.Net;
using System.Text;
using Docket.Conversations.Recording;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.Cli;

/// <summary>Forwards each request unchanged, and adds it with its answer to a <see cref="Recorder"/>, which it locks.</summary>
internal sealed class RecordingProxy : IAsyncDisposable
{
    /// <summary>What belongs to a connection and not to the message, and what is set for the next one.</summary>
    static readonly string[] NotForwarded =
        ["Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect"];

    readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = true, ActivityHeadersPropagator = null });
    readonly string upstream;
    readonly Recorder recorder;
    readonly WebApplication app;

    RecordingProxy(string listen, string upstream, Recorder recorder)
    {
        this.upstream = upstream;
        this.recorder = recorder;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => (kestrel.AddServerHeader, kestrel.Limits.MaxRequestBodySize) = (false, null)).UseUrls(listen);
        app = builder.Build();
        app.Run(ForwardAsync);
    }

    /// <summary>The address with its actual port.</summary>
    public string Url => app.Urls.First();

    public static async Task<RecordingProxy> StartAsync(string listen, string upstream, Recorder recorder)
    {
        var proxy = new RecordingProxy(listen, upstream, recorder);
        try
        {
            await proxy.app.StartAsync();
            return proxy;
        }
        catch (IOException failure)
        {
            await proxy.DisposeAsync();
            throw new OperatorMistake($"{listen} can't be used: {failure.Message}");
        }
    }

    async Task ForwardAsync(HttpContext http)
    {
        using var sent = new MemoryStream();
        await http.Request.Body.CopyToAsync(sent, http.RequestAborted);
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), upstream + target);
        if (sent.Length > 0)
        {
            request.Content = new ByteArrayContent(sent.ToArray());
        }

        // Answers are read as text, so they must not be compressed.
        foreach (var (name, values) in http.Request.Headers.Where(header => !NotForwarded.Contains(header.Key, StringComparer.OrdinalIgnoreCase) && !header.Key.Equals("Accept-Encoding", StringComparison.OrdinalIgnoreCase)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        try
        {
            using var answer = await this.http.SendAsync(request, http.RequestAborted);
            var body = await answer.Content.ReadAsByteArrayAsync(http.RequestAborted);
            // Before the program has the answer: what it sends next comes after this one.
            lock (recorder)
            {
                recorder.Add(new(
                    http.Request.Method, target, [.. http.Request.Headers.Select(header => (header.Key, header.Value.ToString()))],
                    Encoding.UTF8.GetString(sent.ToArray()), (int)answer.StatusCode, Encoding.UTF8.GetString(body)));
            }

            http.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(header => !NotForwarded.Contains(header.Key, StringComparer.OrdinalIgnoreCase)))
            {
                http.Response.Headers.Append(name, values.ToArray());
            }

            if (body.Length > 0)
            {
                http.Response.ContentLength = body.Length;
                await http.Response.Body.WriteAsync(body, http.RequestAborted);
            }
        }
        catch (HttpRequestException failure) when (!http.Response.HasStarted)
        {
            http.Response.StatusCode = (int)HttpStatusCode.BadGateway;
            await http.Response.WriteAsync($"docket proxy: {upstream} can't be reached: {failure.Message}\n", http.RequestAborted);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        http.Dispose();
    }
}
