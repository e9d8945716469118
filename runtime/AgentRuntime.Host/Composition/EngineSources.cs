using AgentRuntime.Gateway;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Host.Nodes;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// Engines that come and go: those of a file, of DNS names, and those that register themselves. Owns what keeps the
/// router in step with them.
/// </summary>
internal sealed class EngineSources : IAsyncDisposable
{
    // The file and DNS are asked; the registered ones are a list in memory.
    private static readonly TimeSpan Asked = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Listed = TimeSpan.FromMilliseconds(250);
    private readonly List<EngineDiscovery> _discoveries = [];

    public static async Task<EngineSources> StartAsync(
        PlatformOptions options, IServiceProvider services, CancellationToken cancellationToken)
    {
        var sources = new EngineSources();
        if (options.EnginesFile is { } file)
            await sources.FollowAsync(new FileEngineSource(file), Asked, services, cancellationToken);
        foreach (var dns in options.EnginesDns)
            await sources.FollowAsync(new DnsEngineSource(EngineStart.Describe(dns)), Asked, services, cancellationToken);
        if (services.GetService<RegisteredEngines>() is { } registered)
            await sources.FollowAsync(registered, Listed, services, cancellationToken);
        return sources;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var discovery in _discoveries) await discovery.DisposeAsync();
    }

    private async Task FollowAsync(
        IEngineSource source, TimeSpan interval, IServiceProvider services, CancellationToken cancellationToken)
    {
        var discovery = new EngineDiscovery(
            services.GetRequiredService<EngineRouter>(), source, services.GetRequiredService<ILoggerFactory>());
        _discoveries.Add(discovery);
        await discovery.StartAsync(interval, services.GetRequiredService<TimeProvider>(), cancellationToken);
    }
}
