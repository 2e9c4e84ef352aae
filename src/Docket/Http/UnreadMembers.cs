using Docket.Model;

namespace Docket.Http;

/// <summary>The members of a body that nobody read. Only calls that should be warned of them have it.</summary>
internal sealed class UnreadMembers
{
    /// <summary>The most names that are kept.</summary>
    const int NamesMax = 20;

    readonly Dictionary<string, string?> names = new(StringComparer.Ordinal);

    /// <summary>Each name, with the one that was probably meant.</summary>
    public IEnumerable<(string Name, string? Near)> All => names.Select(name => (name.Key, name.Value));

    /// <summary>Notes a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="known">The names that are read in its place.</param>
    public void Add(string name, IEnumerable<string> known)
    {
        if (names.Count < NamesMax)
        {
            names.TryAdd(name, NearNames.Find(name, known));
        }
    }
}
