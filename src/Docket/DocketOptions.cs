using System.Collections.Immutable;
using Docket.Model;
using Docket.Model.Types;
using Microsoft.Extensions.Configuration;

namespace Docket;

/// <summary>The settings of a server.</summary>
public sealed record DocketOptions
{
    /// <summary>Where the data is kept; made when it isn't there. Beside the program's working directory, so that a first try needs no rights.</summary>
    public string DataDirectory { get; init; } = "data";

    /// <summary>Addresses to listen on, separated by <c>;</c>. This machine only by default: a token is not yet made when the server first starts. Port 0 picks a free one.</summary>
    public string Urls { get; init; } = "http://127.0.0.1:8787";

    /// <summary>What the pages that people see call this server.</summary>
    public string Name { get; init; } = "Docket";

    /// <summary>Addresses and networks of reverse proxies, whose <c>X-Forwarded-For</c>, <c>-Proto</c> and <c>-Host</c> are believed; none by default, because anyone can send these headers.</summary>
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    /// <summary>Kestrel's own settings, of which <c>Certificates:Default</c> is the certificate of <c>https</c> addresses; none by default.</summary>
    public IConfiguration? Kestrel { get; init; }

    /// <summary>Addresses on which <c>GET /metrics</c> is answered, and nothing else, separated by <c>;</c>; nothing is counted when left out. Without a token, so on addresses of its own.</summary>
    public string? MetricsUrls { get; init; }

    /// <summary>Send traces by OTLP, to where the standard environment variables <c>OTEL_…</c> say.</summary>
    public bool ExportTraces { get; init; }

    /// <summary>Write the log as one JSON object a line instead of as text.</summary>
    public bool JsonLog { get; init; }

    /// <summary>Write a line to the log for every request.</summary>
    public bool LogRequests { get; init; }

    /// <summary>Hide the values of tickets and keys in the lines for requests. By default they are hidden unless there is a <see cref="Token"/> for development. Tokens and secrets always are.</summary>
    public bool? HideValues { get; init; }

    /// <summary>A fixed token for the first portal with all scopes, for development and tests. Never written to disk.</summary>
    public string? Token { get; init; }

    /// <summary>Don't start when the file of a portal is missing or can't be used. By default the other portals are served, and the callers of that one get 503.</summary>
    public bool StrictStart { get; init; }

    /// <summary>The time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Makes correlation ids; by default UUIDs of version 7, as HubSpot's are (reference/auth-limits-webhooks-imports.md 6.2).</summary>
    public Func<Guid>? NewCorrelationId { get; init; }

    /// <summary>Chance; shared by all requests at once.</summary>
    internal Random Random { get; init; } = Random.Shared;

    /// <summary>The object types of every portal. The first is the one of paths that name none.</summary>
    internal ImmutableArray<ObjectType> Types { get; init; } = StandardTypes.All;

    /// <summary>How long a write waits for another program's lock on a file before it is refused.</summary>
    internal int BusyTimeoutMs { get; init; } = 5_000;

    /// <summary>How long the headers of a request may take, and how long its body may come more slowly than <see cref="Listening.BodyBytesPerSecondMin"/>: whoever says nothing doesn't hold a connection for long. More than a second.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
