namespace Docket.Index;

/// <summary>How the index keeps the values of a property. The numbers stand in the file.</summary>
internal enum Form
{
    /// <summary>A key that compares as the number does, and a hash of the number where the key doesn't say all of it.</summary>
    Number = 1,

    /// <summary>A key that compares as the moment does.</summary>
    Moment = 2,

    /// <summary>In lower case: a key of the first eight bytes, a hash of the whole, and a posting for each token.</summary>
    Text = 3,

    /// <summary>As it is: a key of the first eight bytes, a hash of the whole.</summary>
    Exact = 4,

    /// <summary>A key of the first eight bytes, and a posting for each part.</summary>
    Set = 5,
}
