namespace AgentRuntime.Execution;

/// <summary>
/// One run's place among those that are worked on at once. A run whose guest was put away leaves it to others and
/// queues for one when it goes on. Single-writer: the run's own execution.
/// </summary>
internal sealed class WorkerSlot(SemaphoreSlim places)
{
    private bool _held = true;

    /// <summary>Gives the place up; a place that was given up already stays so.</summary>
    public void Leave()
    {
        if (!_held) return;
        _held = false;
        places.Release();
    }

    /// <summary>Waits for a place.</summary>
    public async Task ReturnAsync(CancellationToken cancellationToken)
    {
        if (_held) return;
        await places.WaitAsync(cancellationToken).ConfigureAwait(false);
        _held = true;
    }
}
