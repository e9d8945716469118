namespace AgentRuntime.Gateway.Tests;

/// <summary>Waits for a state that nothing announces.</summary>
internal static class Eventually
{
    public static async Task BecomesTrueAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10), TimeProvider.System);
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
    }

    public static async Task SucceedsAsync(Func<Task> attempt)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10), TimeProvider.System);
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
