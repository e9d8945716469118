namespace AgentRuntime.Node.Tests;

/// <summary>
/// A clock that makes the engine's thread wait when it reads the time, until it is released: requests that are to meet
/// in the engine then do, however slowly they come. A simulation reads it in each pass; a real model's engine when it
/// has stored a block, where KV events can be asked for.
/// </summary>
internal sealed class EngineHold : TimeProvider, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ManualResetEventSlim _released = new();

    public override long GetTimestamp()
    {
        WaitOnTheEnginesThread();
        return base.GetTimestamp();
    }

    public override DateTimeOffset GetUtcNow()
    {
        WaitOnTheEnginesThread();
        return base.GetUtcNow();
    }

    /// <summary>Lets the engine go on once this is so.</summary>
    public async Task ReleaseOnceAsync(Func<bool> condition)
    {
        try
        {
            using var deadline = new CancellationTokenSource(Patience, System);
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(2), System);
            while (!condition()) await tick.WaitForNextTickAsync(deadline.Token);
        }
        finally
        {
            _released.Set();
        }
    }

    /// <summary>Lets the engine go on once it has this many requests, running or waiting.</summary>
    public Task ReleaseOnceItHasAsync(NodeServer node, int requests)
    {
        var engine = node.Service.Engine;
        return ReleaseOnceAsync(() => engine.Queued + engine.Counters.Waiting + engine.Counters.Running == requests);
    }

    public void Dispose() => _released.Dispose();

    private void WaitOnTheEnginesThread()
    {
        if (Thread.CurrentThread.Name == "engine") _released.Wait(Patience);
    }
}
