namespace Docket.Testing;

/// <summary>Docket refused a call of the test kit, or an expectation of a test was not met. The message says why.</summary>
public sealed class TestDocketException : Exception
{
    internal TestDocketException(string message)
        : base(message)
    {
    }
}
