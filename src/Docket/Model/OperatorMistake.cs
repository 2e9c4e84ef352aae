namespace Docket.Model;

/// <summary>
/// A problem that the operator has to fix before Docket can start. The message is one line that says what to do. The command line
/// prints it and stops.
/// </summary>
public sealed class OperatorMistake(string message) : Exception(message)
{
    /// <summary>What is wrong with a portal's file, in the words of <see cref="Stores.Condition.State"/>.</summary>
    internal string State { get; init; } = "failing";
}
