using Docket.Model;

namespace Docket.Bench;

/// <summary>The product's blocks of values, of tickets that a raw loop writes.</summary>
internal sealed class Blocks(KeyOrder keys)
{
    /// <summary>The number of the unique property.</summary>
    public const int KeyProperty = 20;

    /// <summary>The numbers of the properties of <see cref="Ticket.Names"/>, in ascending order as blocks require.</summary>
    static readonly int[] PropertyNumbers = [10, 40, 41, 60, 61, 90, 91, 92];

    readonly ValueWriter content = new(), changed = new();

    public Ticket Ticket { get; } = new(keys);

    /// <summary>The block of the ticket's values.</summary>
    public byte[] New()
    {
        for (var property = 0; property < PropertyNumbers.Length; property++)
        {
            if (property == 1)
            {
                content.Add(KeyProperty, 0, Ticket.Key);
            }

            content.Add(PropertyNumbers[property], 0, Ticket[property]);
        }

        return content.Take();
    }

    /// <summary>The block with the ticket's values, and one of those that changed.</summary>
    public (byte[] Block, byte[] Changed) Next(ReadOnlySpan<byte> block, long firstChange, long sequence)
    {
        var old = new ValueReader(block);
        while (old.Next())
        {
            var property = Array.IndexOf(PropertyNumbers, old.Number);
            if (property < 0 || old.Value.SequenceEqual(Ticket[property]))
            {
                content.Add(old.Entry);
            }
            else
            {
                content.Add(old.Number, sequence - firstChange, Ticket[property]);
                changed.Add(old.Number, sequence - (firstChange + old.Link), Ticket[property]);
            }
        }

        return (content.Take(), changed.Take());
    }
}
