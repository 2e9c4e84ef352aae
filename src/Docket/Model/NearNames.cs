namespace Docket.Model;

/// <summary>Finds the name that was probably meant: one that differs from the sent name by one or two typing errors.</summary>
internal static class NearNames
{
    const int SlipsMax = 2;

    /// <summary>The most similar of some names, or <c>null</c> if none is similar.</summary>
    public static string? Find(string sent, IEnumerable<string> names)
    {
        if (sent.Length is < 3 or > 100)
        {
            return null;
        }

        string? nearest = null;
        var fewest = SlipsMax + 1;
        foreach (var name in names)
        {
            if (Math.Abs(name.Length - sent.Length) <= SlipsMax && Slips(sent, name) is var slips && slips < fewest)
            {
                (nearest, fewest) = (name, slips);
            }
        }

        return nearest;
    }

    // The number of letters to insert, remove, replace or swap with their neighbour. Letter case is ignored.
    static int Slips(string sent, string name)
    {
        var (twoBack, before, row) = (new int[name.Length + 1], new int[name.Length + 1], new int[name.Length + 1]);
        for (var j = 0; j <= name.Length; j++)
        {
            before[j] = j;
        }

        for (var i = 1; i <= sent.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= name.Length; j++)
            {
                var same = char.ToLowerInvariant(sent[i - 1]) == name[j - 1];
                row[j] = Math.Min(Math.Min(row[j - 1], before[j]) + 1, before[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && sent[i - 1] == name[j - 2] && sent[i - 2] == name[j - 1])
                {
                    row[j] = Math.Min(row[j], twoBack[j - 2] + 1);
                }
            }

            (twoBack, before, row) = (before, row, twoBack);
        }

        return before[name.Length];
    }
}
