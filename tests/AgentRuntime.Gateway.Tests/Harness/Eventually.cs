namespace AgentRuntime.Gateway.Tests;

/// <summary>Waits for a state that nothing announces.</summary>
internal static class Eventually
{
    /// <summary>How long a test waits for what must come: long, so that a busy machine fails none.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task BecomesTrueAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
    }

    public static async Task SucceedsAsync(Func<Task> attempt)
    {
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        while (true)
        {
            try
            {
                await attempt();
                return;
            }
            catch (Abstractions.RuntimeErrorException) when (!patience.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, CancellationToken.None);
            }
        }
    }
}
