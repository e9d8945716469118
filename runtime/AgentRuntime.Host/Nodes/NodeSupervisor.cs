using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Nodes;

/// <summary>
/// Keeps the bundled nodes running: a node that dies is started again on the same port, after a wait that doubles
/// from one second to a minute and starts over once the node has lived that long. One task a node; disposing ends all.
/// </summary>
internal sealed partial class NodeSupervisor(TimeProvider time, ILogger<NodeSupervisor> logger) : IAsyncDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _watches = [];

    /// <summary>Starts all nodes at once and returns their addresses, in order, when every one is ready.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8005: one did not start; the others are stopped on disposal.
    /// </exception>
    public async Task<IReadOnlyList<Uri>> StartAsync(
        IReadOnlyList<NodeCommand> commands, CancellationToken cancellationToken)
    {
        var starts = commands
            .Select(command => NodeProcess.StartAsync(command, time, cancellationToken))
            .ToArray();
        try
        {
            await Task.WhenAll(starts);
        }
        finally
        {
            foreach (var (start, command) in starts.Zip(commands))
            {
                if (start.IsCompletedSuccessfully)
                    _watches.Add(WatchAsync((await start).Process, command with { Port = (await start).Address.Port }));
            }
        }

        return [.. starts.Select(start => start.Result.Address)];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_watches);
        _stop.Dispose();
    }

    private async Task WatchAsync(NodeProcess process, NodeCommand command)
    {
        var wait = FirstWait;
        while (true)
        {
            var startedAt = time.GetTimestamp();
            try
            {
                await process.Exited.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                await process.DisposeAsync();
                return;
            }

            await process.DisposeAsync();
            if (time.GetElapsedTime(startedAt) > LongestWait) wait = FirstWait;
            LogDied(command.Name, wait.TotalSeconds);
            if (await RestartAsync(command, wait) is not { } next) return;
            process = next.Process;
            wait = next.NextWait;
        }
    }

    private async Task<(NodeProcess Process, TimeSpan NextWait)?> RestartAsync(NodeCommand command, TimeSpan wait)
    {
        while (true)
        {
            try
            {
                await Task.Delay(wait, time, _stop.Token);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
                var (process, _) = await NodeProcess.StartAsync(command, time, _stop.Token);
                return (process, wait);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            catch (RuntimeErrorException e)
            {
                LogNotStarted(command.Name, e.Error.ToString());
            }
        }
    }

    [LoggerMessage(8101, LogLevel.Warning, "Node {Name} ended; it is started again in {Seconds} s")]
    private partial void LogDied(string name, double seconds);

    [LoggerMessage(8102, LogLevel.Error, "Node {Name} did not start: {Error}")]
    private partial void LogNotStarted(string name, string error);
}
