using System.Collections.Immutable;
using Docket.Model;
using Docket.Model.Types;
using Microsoft.Extensions.Configuration;

namespace Docket;

/// <summary>The settings of a server.</summary>
public sealed record DocketOptions
{
    /// <summary>The data directory; created if it doesn't exist. In the working directory by default, so that a first try needs no permissions.</summary>
    public string DataDirectory { get; init; } = "data";

    /// <summary>A PostgreSQL database that contains the data, as a connection string of Npgsql; the data directory then only contains this server's search indexes. By default, the data directory contains the data.</summary>
    public string? Store { get; init; }

    /// <summary>A file whose first line is the password of <see cref="Store"/>.</summary>
    public string? StorePasswordFile { get; init; }

    /// <summary>Addresses to listen on, separated by <c>;</c>. Only this machine by default: at the first start there is no token yet. Port 0 chooses a free port.</summary>
    public string Urls { get; init; } = "http://127.0.0.1:8787";

    /// <summary>The server's name on HTML pages.</summary>
    public string Name { get; init; } = "Docket";

    /// <summary>Addresses and networks of reverse proxies whose <c>X-Forwarded-For</c>, <c>-Proto</c> and <c>-Host</c> are trusted; none by default, because anyone can send these headers.</summary>
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    /// <summary>Kestrel's own settings, of which <c>Certificates:Default</c> is the certificate of <c>https</c> addresses; none by default.</summary>
    public IConfiguration? Kestrel { get; init; }

    /// <summary>Addresses that only answer <c>GET /metrics</c>, separated by <c>;</c>. Nothing is measured by default. Separate addresses, because there is no token.</summary>
    public string? MetricsUrls { get; init; }

    /// <summary>Send traces by OTLP, as the standard environment variables <c>OTEL_…</c> specify.</summary>
    public bool ExportTraces { get; init; }

    /// <summary>Write the log as one JSON object per line instead of text.</summary>
    public bool JsonLog { get; init; }

    /// <summary>Write a log entry for every request.</summary>
    public bool LogRequests { get; init; }

    /// <summary>Hide the values of tickets and keys in the log entries of requests. By default, they are hidden unless there is a <see cref="Token"/> for development. Tokens and secrets are always hidden.</summary>
    public bool? HideValues { get; init; }

    /// <summary>A fixed token for the first portal with all scopes, for development and tests. Never written to disk.</summary>
    public string? Token { get; init; }

    /// <summary>
    /// Keep all data in memory until the server stops, for tests; on systems without a file system in memory, in a temporary directory.
    /// <see cref="DataDirectory"/> and <see cref="Store"/> are not used, <see cref="Token"/> is <c>test</c> by default, and the server has the <see cref="TestKit"/>.
    /// </summary>
    public bool Ephemeral { get; init; }

    /// <summary>A file with records and definitions with which the first portal is created; ignored if there is one.</summary>
    public string? SeedFile { get; init; }

    /// <summary>Serve the paths with which tests create portals and change them in ways that no client of HubSpot's can.</summary>
    public bool TestKit { get; init; }

    /// <summary>Don't start if a portal's file is missing or can't be used. By default, the other portals are served, and requests to that one get 503.</summary>
    public bool StrictStart { get; init; }

    /// <summary>The time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Creates correlation ids; by default UUIDs of version 7, like HubSpot's (reference/auth-limits-webhooks-imports.md 6.2).</summary>
    public Func<Guid>? NewCorrelationId { get; init; }

    /// <summary>The source of randomness, shared by concurrent requests.</summary>
    internal Random Random { get; init; } = Random.Shared;

    /// <summary>The object types of every portal. The first is that of paths without a type.</summary>
    internal ImmutableArray<ObjectType> Types { get; init; } = StandardTypes.All;

    /// <summary>How long a write waits for another program's lock on a file before it is refused.</summary>
    internal int BusyTimeoutMs { get; init; } = 5_000;

    /// <summary>How long the headers of a request may take, and how long its body may be slower than <see cref="Listening.BodyBytesPerSecondMin"/>, so that a silent client can't hold a connection for long. Must be more than a second.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
