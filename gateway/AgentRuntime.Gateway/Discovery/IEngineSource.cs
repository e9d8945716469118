namespace AgentRuntime.Gateway;

/// <summary>Where engines are named: configuration, a file, DNS. Thread-safe.</summary>
public interface IEngineSource
{
    /// <summary>The engines that there are now; null when that cannot be said, and then nothing changes.</summary>
    ValueTask<IReadOnlyList<EngineDescriptor>?> ListAsync(CancellationToken cancellationToken);
}
