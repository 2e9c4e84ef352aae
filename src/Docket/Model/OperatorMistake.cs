namespace Docket.Model;

/// <summary>
/// Something that whoever runs Docket has to mend before it can start. The message is one line that says what to do;
/// the command line prints it and stops.
/// </summary>
public sealed class OperatorMistake(string message) : Exception(message)
{
    /// <summary>What is wrong with a portal's file, in the word of <see cref="Stores.Condition.State"/>.</summary>
    internal string State { get; init; } = "failing";
}
