using Docket.Limits;
using Docket.Model;

namespace Docket.TestKit;

/// <summary>The last calls of one portal, in memory. Thread-safe.</summary>
/// <param name="clock">The portal's time.</param>
internal sealed class RequestLog(TimeProvider clock)
{
    /// <summary>The most bytes that the calls of a portal take; older ones are dropped.</summary>
    const int BytesMax = 4 * 1024 * 1024;

    readonly Lock gate = new();
    readonly Queue<LoggedCall> calls = new();

    // Counts on its own, so that it knows the limits while they are off.
    readonly PortalUsage usage = new(clock);

    long number, bytes, dropped;

    /// <summary>The limit of HubSpot's that would refuse this call; <c>null</c> if none would. Counts the call.</summary>
    public string? Count(Caller caller, bool search)
    {
        // While limits are off, those of the smallest subscription: every private app has at least these.
        var counted = caller.Settings.Limits == LimitProfile.Off ? caller with { Settings = caller.Settings with { Limits = LimitProfile.Find("free")! } } : caller;
        var standing = usage.Count(counted, counted.Limits, search);
        return LimitPolicies.NameOf(standing.Reached);
    }

    /// <summary>Adds a call.</summary>
    /// <param name="call">The call, without a number.</param>
    /// <param name="max">The most calls to keep.</param>
    public void Add(LoggedCall call, int max)
    {
        lock (gate)
        {
            calls.Enqueue(call with { Number = ++number });
            bytes += call.Bytes;
            while (calls.Count > max || (bytes > BytesMax && calls.Count > 1))
            {
                bytes -= calls.Dequeue().Bytes;
                dropped++;
            }
        }
    }

    /// <summary>The calls, newest first, and how many were dropped since the log was last cleared.</summary>
    public (LoggedCall[] Calls, long Dropped) Read()
    {
        lock (gate)
        {
            return ([.. calls.Reverse()], dropped);
        }
    }

    /// <summary>Forgets all calls.</summary>
    public void Clear()
    {
        lock (gate)
        {
            calls.Clear();
            (bytes, dropped) = (0, 0);
        }
    }
}

/// <summary>A call and its answer, without secrets.</summary>
internal sealed record LoggedCall
{
    public long Number { get; init; }

    /// <summary>When it arrived, milliseconds since 1970, on the portal's clock.</summary>
    public required long At { get; init; }

    public required long DurationMs { get; init; }

    public required long AppId { get; init; }

    public required string Method { get; init; }

    public required string Path { get; init; }

    public required string Query { get; init; }

    public string? TypeId { get; init; }

    public required (string Name, string Value)[] Headers { get; init; }

    public LoggedBody? Body { get; init; }

    public required int Status { get; init; }

    public required (string Name, string Value)[] AnswerHeaders { get; init; }

    public LoggedBody? Answer { get; init; }

    /// <summary>The limit of HubSpot's that would have refused it.</summary>
    public string? BeyondLimit { get; init; }

    /// <summary>The id of the fault that it met.</summary>
    public string? Fault { get; init; }

    /// <summary>About how much memory it takes.</summary>
    public int Bytes => 500 + 2 * (Path.Length + Query.Length + Headers.Concat(AnswerHeaders).Sum(header => header.Name.Length + header.Value.Length)) + (Body?.Start.Length ?? 0) + (Answer?.Start.Length ?? 0);

    public CallFacts Facts => new(Method, Path, TypeId, AppId, Body is { } body ? CallFacts.Parse(body.Start) : null, Status, BeyondLimit is not null);
}

/// <summary>A body in the log.</summary>
/// <param name="Start">Its first bytes; mostly all.</param>
/// <param name="Bytes">How many it had.</param>
internal sealed record LoggedBody(byte[] Start, long Bytes)
{
    public bool IsCut => Start.Length < Bytes;
}
