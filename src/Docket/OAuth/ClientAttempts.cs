using System.Net;
using System.Runtime.InteropServices;

namespace Docket.OAuth;

/// <summary>Counts sign-in attempts per network, in memory, so that refusing one costs almost nothing.</summary>
internal sealed class ClientAttempts(TimeProvider clock)
{
    /// <summary>Attempts of a network in a minute: enough for an office behind one address, too few for guessing.</summary>
    public const int PerMinute = 20;

    /// <summary>Networks that are counted in a minute. More of them are an attack, and their attempts wait for the next minute.</summary>
    public const int NetworksMax = 10_000;

    readonly Dictionary<string, int> counts = [];
    readonly Lock gate = new();
    long minute;

    /// <summary>Counts an attempt; <c>false</c> if there were too many in this minute.</summary>
    public bool MayTry(IPAddress? client)
    {
        var network = NetworkOf(client);
        lock (gate)
        {
            var now = clock.GetUtcNow().Ticks / TimeSpan.TicksPerMinute;
            if (now != minute)
            {
                minute = now;
                counts.Clear();
            }

            if (counts.Count >= NetworksMax && !counts.ContainsKey(network))
            {
                return false;
            }

            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, network, out _);
            return count < PerMinute && ++count > 0;
        }
    }

    // A client with one IPv6 address has all 2^64 addresses of its network.
    static string NetworkOf(IPAddress? client)
    {
        var bytes = client is null ? [] : (client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client).GetAddressBytes();
        return Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, 8)));
    }
}
