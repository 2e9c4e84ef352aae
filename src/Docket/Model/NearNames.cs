namespace Docket.Model;

/// <summary>Finds the name that was probably meant: one that a slip or two of the fingers turn into the name that was sent.</summary>
internal static class NearNames
{
    const int SlipsMax = 2;

    /// <summary>The nearest of some names, or <c>null</c> when none is near.</summary>
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

    // How many letters have to be put in, left out, replaced or swapped with their neighbour. Upper and lower case count as one.
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
