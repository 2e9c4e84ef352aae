using System.Numerics;

namespace Docket.Index;

/// <summary>
/// A set of the documents of one chunk, one bit for each. A search is arithmetic on these: a thousand words for each chunk,
/// however many documents it contains.
/// </summary>
internal sealed class DocSet
{
    /// <summary>The bits of a document's number within its chunk. The other bits are the chunk's number.</summary>
    public const int Bits = 16;

    /// <summary>Documents in a chunk.</summary>
    public const int Size = 1 << Bits;

    readonly ulong[] words = new ulong[Size / 64];

    /// <summary>The bits, document 0 first.</summary>
    public Span<ulong> Span => words;

    public int Count()
    {
        var count = 0;
        foreach (var word in words)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    public bool Contains(int doc) => (words[doc >> 6] & (1UL << doc)) != 0;

    public void Add(int doc) => words[doc >> 6] |= 1UL << doc;

    public void Remove(int doc) => words[doc >> 6] &= ~(1UL << doc);

    public void Clear() => words.AsSpan().Clear();

    public void Become(DocSet other) => other.words.CopyTo(words, 0);

    public void And(DocSet other)
    {
        for (var i = 0; i < words.Length; i++)
        {
            words[i] &= other.words[i];
        }
    }

    public void Or(DocSet other)
    {
        for (var i = 0; i < words.Length; i++)
        {
            words[i] |= other.words[i];
        }
    }

    public void Negate()
    {
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = ~words[i];
        }
    }

    /// <summary>The first document at or after <paramref name="from"/>, or -1.</summary>
    public int Next(int from)
    {
        for (var word = from >> 6; word < words.Length; word++)
        {
            var rest = words[word] & (word == from >> 6 ? ulong.MaxValue << from : ulong.MaxValue);
            if (rest != 0)
            {
                return (word << 6) + BitOperations.TrailingZeroCount(rest);
            }
        }

        return -1;
    }
}
