using System.Text.RegularExpressions;

namespace Docket.Conversations;

/// <summary>Which texts in bodies are ids, given by an account and different in each.</summary>
internal static partial class Ids
{
    /// <summary>Whether a member with this name has an id or a cursor.</summary>
    public static bool IsIdMember(string name) => IdMember().IsMatch(name);

    /// <summary>Whether a text consists of one word, as ids do.</summary>
    public static bool IsWord(string text) => WholeWord().IsMatch(text);

    public static bool IsUuid(string text) => Guid.TryParseExact(text, "D", out _);

    /// <summary>Replaces each whole word of a text.</summary>
    public static string ReplaceWords(string text, Func<string, string> replace) => Word().Replace(text, word => replace(word.Value));

    /// <summary>The words of a text.</summary>
    public static IEnumerable<string> WordsOf(string text) => Word().Matches(text).Select(word => word.Value);

    [GeneratedRegex("(^|_)ids?$|Ids?$|^after$|^vid$")]
    private static partial Regex IdMember();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9_-]*=*$")]
    private static partial Regex WholeWord();

    [GeneratedRegex("[A-Za-z0-9][A-Za-z0-9_-]*")]
    private static partial Regex Word();
}
