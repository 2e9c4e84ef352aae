using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Docket.Tests;

/// <summary>A log that a test reads.</summary>
internal sealed class ListLogger : ILogger
{
    public ConcurrentQueue<string> Entries { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Entries.Enqueue(formatter(state, exception));
        }
    }
}
