namespace Docket.Index;

/// <summary>The form of a property's values in the index. The numbers are stored in the file.</summary>
internal enum Form
{
    /// <summary>A key that compares as the number does, and a hash of the number if the key isn't exact.</summary>
    Number = 1,

    /// <summary>A key that compares as the time does.</summary>
    Moment = 2,

    /// <summary>In lower case: a key of the first eight bytes, a hash of the whole text, and a posting for each token.</summary>
    Text = 3,

    /// <summary>Unchanged: a key of the first eight bytes, and a hash of the whole text.</summary>
    Exact = 4,

    /// <summary>A key of the first eight bytes, and a posting for each part.</summary>
    Set = 5,
}
