using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Keeps a router's engines in step with a source: new ones are taken in, those that are gone are drained without
/// loss, those that changed are drained and taken in anew. One that is listed again while it still drains is kept: a
/// list may have been short for a moment. Leaves alone what it did not bring. Owns its loop.
/// </summary>
public sealed class EngineDiscovery : IAsyncDisposable
{
    private readonly EngineRouter _router;
    private readonly IEngineSource _source;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, EngineDescriptor> _mine = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (EngineDescriptor Engine, Task Done)> _draining = new(StringComparer.Ordinal);
    private Task _loop = Task.CompletedTask;

    /// <summary>A discovery that does nothing before <see cref="StartAsync"/>.</summary>
    public EngineDiscovery(EngineRouter router, IEngineSource source, ILoggerFactory? loggers = null)
    {
        _router = router;
        _source = source;
        _logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<EngineDiscovery>();
    }

    /// <summary>Looks once, and then again at every interval.</summary>
    public async Task StartAsync(TimeSpan interval, TimeProvider time, CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        _loop = Task.Run(() => LoopAsync(interval, time), CancellationToken.None);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await Task.WhenAll(_draining.Values.Select(d => d.Done));
        _stop.Dispose();
    }

    private async Task LoopAsync(TimeSpan interval, TimeProvider time)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
                await LookAgainAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The platform stops.
        }
    }

    private async Task LookAgainAsync()
    {
        try
        {
            await LookAsync(_stop.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException || !_stop.IsCancellationRequested)
        {
            GatewayLog.LookFailed(_logger, e);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (await _source.ListAsync(cancellationToken) is not { } listed)
        {
            GatewayLog.EngineSourceSilent(_logger);
            return;
        }

        var wanted = listed.GroupBy(e => e.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First());
        var gone = _mine.Where(m => !wanted.TryGetValue(m.Key, out var now) || !Same(now, m.Value));
        foreach (var (name, engine) in gone.ToArray())
        {
            _mine.Remove(name);
            _draining[name] = (engine, DrainAsync(name));
        }

        foreach (var (name, (engine, done)) in _draining.ToArray())
        {
            var kept = wanted.TryGetValue(name, out var again) && Same(again, engine) && _router.TryKeepEngine(name);
            if (kept)
                _mine[name] = engine;
            if (kept || done.IsCompleted)
                _draining.Remove(name);
        }

        // Together: each of those that do not answer takes as long as a probe may.
        var probes = new List<Task>();
        foreach (var engine in wanted.Values.Where(e => !_mine.ContainsKey(e.Name) && !_draining.ContainsKey(e.Name)))
        {
            var probe = _router.AddEngineAsync(engine, cancellationToken);
            if (probe.Exception?.InnerException is ArgumentException e)
            {
                GatewayLog.EngineNotTaken(_logger, engine.Name, e.Message);
                continue;
            }

            _mine[engine.Name] = engine;
            probes.Add(probe);
        }

        await Task.WhenAll(probes);
    }

    private async Task DrainAsync(string name)
    {
        try
        {
            await _router.RemoveEngineAsync(name, _stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The platform stops; its router ends the streams.
        }
    }

    /// <summary>Records compare dictionaries by reference, and these are read anew each time.</summary>
    private static bool Same(EngineDescriptor one, EngineDescriptor other) =>
        one with { Models = null } == other with { Models = null }
        && (one.Models ?? Empty).OrderBy(m => m.Key, StringComparer.Ordinal)
            .SequenceEqual((other.Models ?? Empty).OrderBy(m => m.Key, StringComparer.Ordinal));

    private static readonly IReadOnlyDictionary<string, string> Empty = new Dictionary<string, string>();
}
