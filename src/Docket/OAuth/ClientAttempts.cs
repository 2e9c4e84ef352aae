using System.Net;
using System.Runtime.InteropServices;

namespace Docket.OAuth;

/// <summary>Counts attempts to sign in by the network they come from: in memory, so that refusing one costs next to nothing.</summary>
internal sealed class ClientAttempts(TimeProvider clock)
{
    /// <summary>How many attempts a network has in a minute: an office behind one address signs in at nine o'clock, a guesser gets nowhere.</summary>
    public const int PerMinute = 20;

    /// <summary>How many networks are counted in a minute; more of them are an attack, and their attempts wait for the next minute.</summary>
    public const int NetworksMax = 10_000;

    readonly Dictionary<string, int> counts = [];
    readonly Lock gate = new();
    long minute;

    /// <summary>Counts an attempt; <c>false</c> when there were too many in this minute.</summary>
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

    // Whoever has one IPv6 address has the 2^64 beside it.
    static string NetworkOf(IPAddress? client)
    {
        var bytes = client is null ? [] : (client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client).GetAddressBytes();
        return Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, 8)));
    }
}
