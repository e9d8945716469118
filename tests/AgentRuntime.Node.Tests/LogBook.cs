using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Tests;

/// <summary>Keeps what is logged. Thread-safe.</summary>
internal sealed class LogBook : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<Entry> _entries = new();

    public IReadOnlyList<Entry> Entries => [.. _entries];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        _entries.Enqueue(new(eventId.Id, formatter(state, exception), exception));

    public void Dispose()
    {
    }

    /// <summary>One entry.</summary>
    internal sealed record Entry(int Id, string Text, Exception? Exception);
}
