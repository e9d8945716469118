namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// The system's timers under a clock that stands still: how fast an engine is cannot be learned from how long a busy
/// machine takes, and no report of its load grows old. Thread-safe.
/// </summary>
internal sealed class FrozenTime : TimeProvider
{
    private readonly long _now = System.GetTimestamp();

    public override long GetTimestamp() => _now;
}
