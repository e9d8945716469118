using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The ids of what was logged. Thread-safe.</summary>
internal sealed class Complaints : ILogger
{
    private readonly ConcurrentQueue<int> _events = new();

    public IEnumerable<int> Events => _events;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) => _events.Enqueue(eventId.Id);
}
