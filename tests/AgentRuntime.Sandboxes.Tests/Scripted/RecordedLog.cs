using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Tests.Scripted;

/// <summary>Keeps what a guest logs.</summary>
internal sealed class RecordedLog : ISandboxLog
{
    public List<(GuestLogLevel Level, string Message)> Lines { get; } = [];

    public void Write(GuestLogLevel level, string message) => Lines.Add((level, message));
}
