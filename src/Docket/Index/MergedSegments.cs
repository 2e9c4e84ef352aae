namespace Docket.Index;

/// <summary>Reads the entries of several segments together, in order of their places.</summary>
internal sealed class MergedSegments
{
    // In order of the places that they are at, and at the same place in order of age.
    readonly List<(int Age, SegmentCursor Cursor)> cursors = [];
    DocSet? added, removed;
    int same;

    /// <param name="started">Cursors at their first entries, the oldest segment first.</param>
    public MergedSegments(IEnumerable<SegmentCursor> started)
    {
        foreach (var cursor in started)
        {
            cursors.Add((cursors.Count, cursor));
        }

        for (var at = cursors.Count - 2; at >= 0; at--)
        {
            Sink(at);
        }

        Meet();
    }

    /// <summary>Whether all entries have been read.</summary>
    public bool IsAtEnd => cursors.Count == 0;

    /// <summary>The first of the entries at the current place.</summary>
    public SegmentCursor Current => cursors[0].Cursor;

    /// <summary>Moves to the next place.</summary>
    public void Next()
    {
        // The last one first, so that the others are already in order when it sinks.
        for (var at = same - 1; at >= 0; at--)
        {
            if (cursors[at].Cursor.Next())
            {
                Sink(at);
            }
            else
            {
                cursors.RemoveAt(at);
            }
        }

        Meet();
    }

    /// <summary>Adds the documents at the current place to a set.</summary>
    public void OrInto(DocSet set)
    {
        if (!IsAnyRemoved())
        {
            for (var i = 0; i < same; i++)
            {
                Docs.OrInto(cursors[i].Cursor.Added, set);
            }

            return;
        }

        set.Or(Combine().Added);
    }

    /// <summary>Writes one entry in place of those at the current place.</summary>
    /// <param name="writer">Receives it.</param>
    /// <param name="isAll">Whether there is no older segment, from which documents would have to be removed.</param>
    /// <param name="forgotten">Documents to leave out, by chunk.</param>
    public void WriteTo(SegmentWriter writer, bool isAll, ILookup<int, int>? forgotten)
    {
        var place = Current;
        if (same > 1 || forgotten?.Contains(place.Chunk) == true)
        {
            var (adds, removes) = Combine();
            foreach (var document in forgotten?[place.Chunk] ?? [])
            {
                adds.Remove(document & (DocSet.Size - 1));
            }

            if (isAll)
            {
                removes.Clear();
            }

            writer.Add(place.Property, place.Term, place.Chunk, adds, removes);
        }
        else if (!isAll || !place.Added.IsEmpty)
        {
            writer.Add(place.Property, place.Term, place.Chunk, place.Added, isAll ? default : place.Removed);
        }
    }

    // Later entries win.
    (DocSet Added, DocSet Removed) Combine()
    {
        (added ??= new()).Clear();
        (removed ??= new()).Clear();
        for (var i = 0; i < same; i++)
        {
            var entry = cursors[i].Cursor;
            Docs.RemoveFrom(entry.Removed, added);
            Docs.OrInto(entry.Removed, removed);
            Docs.OrInto(entry.Added, added);
            Docs.RemoveFrom(entry.Added, removed);
        }

        return (added, removed);
    }

    // Whether a later entry removes documents of an earlier one.
    bool IsAnyRemoved()
    {
        for (var i = 1; i < same; i++)
        {
            if (!cursors[i].Cursor.Removed.IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    // How many are at the first place.
    void Meet()
    {
        same = Math.Min(1, cursors.Count);
        while (same < cursors.Count && cursors[same].Cursor.CompareTo(Current) == 0)
        {
            same++;
        }
    }

    // Moves one behind all that come before it; those after it are in order.
    void Sink(int at)
    {
        var moved = cursors[at];
        for (; at + 1 < cursors.Count; at++)
        {
            var next = cursors[at + 1];
            if (moved.Cursor.CompareTo(next.Cursor) is var order && (order < 0 || (order == 0 && moved.Age < next.Age)))
            {
                break;
            }

            cursors[at] = next;
        }

        cursors[at] = moved;
    }
}
