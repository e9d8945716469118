using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Answers inference requests by engines behind HTTP: chooses them, splits prefill from decode, retries before the
/// first token within a budget, and cancels every leg when the caller goes away. Thread-safe. Owns its connections and
/// probe loops; dispose it last.
/// </summary>
public sealed class EngineRouter : IInferenceRouter, IAsyncDisposable
{
    private readonly EngineRouterOptions _options;
    private readonly EngineClient _client;
    private readonly RouteDesk _desk;
    private readonly EnginePool _pool;
    private readonly RouterParts _parts;
    private readonly LargeBodies _large = new();

    /// <summary>Makes a router; it serves nothing before <see cref="StartAsync"/>.</summary>
    /// <exception cref="RuntimeErrorException">AR8001: the options do not validate; every problem is named.</exception>
    public EngineRouter(EngineRouterOptions options, TimeProvider time, ILoggerFactory? loggers = null)
    {
        if (options.Problems() is { Count: > 0 } problems)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.InvalidConfiguration, string.Join("; ", problems), nameof(EngineRouterOptions)));

        var logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<EngineRouter>();
        _options = options;
        _client = new EngineClient(options, time);
        _desk = new RouteDesk(options, time, logger);
        ServiceLevels = new DeskServiceLevels(_desk);
        _pool = new EnginePool(options, _client, _desk, time, logger);
        var salts = new CacheSalt(options.CacheSaltSecret);
        _parts = new RouterParts(
            options,
            _client,
            _pool,
            _desk,
            new RouteRequests(
                _desk, salts, new PromptTokens(options, _client, _pool, _large, time), _large, options.SloTargets),
            new RetryBudgets(options.RetryRatio, options.RetryBurst),
            salts,
            new KvReleases(_client, time, logger),
            time,
            logger);
    }

    /// <inheritdoc/>
    public IReadOnlyList<ServedModel> Models => _pool.Models;

    /// <summary>The engines and how they are, for status pages and tests.</summary>
    public IReadOnlyList<EngineStatus> Engines =>
    [
        .. _pool.Engines.Select(e => new EngineStatus(
            e.Descriptor, e.Health.Healthy, e.Circuit.IsClosed, e.Draining, e.InFlight, [.. e.Health.Models.Keys])),
    ];

    /// <summary>How requests fared against their service classes, and the engines that their load asks for.</summary>
    public IServiceLevels ServiceLevels { get; }

    internal RouteDesk Desk => _desk;

    internal EnginePool Pool => _pool;

    /// <summary>
    /// Probes every configured engine once, and keeps probing. Engines that are down may come up later.
    /// </summary>
    public Task StartAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_options.Engines.Select(e => _pool.AddAsync(e, cancellationToken)));

    /// <summary>Takes an engine in; completes after its first probe.</summary>
    /// <exception cref="ArgumentException">The descriptor is not valid, or its name is taken.</exception>
    public Task AddEngineAsync(EngineDescriptor engine, CancellationToken cancellationToken) =>
        _pool.AddAsync(engine, cancellationToken);

    /// <summary>
    /// Drains an engine and forgets it: no new requests, those under way end in their own time. False when unknown, or
    /// when its discovery has found it again before the last of them had ended.
    /// </summary>
    public Task<bool> RemoveEngineAsync(string name, CancellationToken cancellationToken) =>
        _pool.RemoveAsync(name, cancellationToken);

    /// <summary>Gives an engine that drains requests again; false when none does, or it is too late.</summary>
    internal bool TryKeepEngine(string name) => _pool.TryKeep(name);

    /// <inheritdoc/>
    public async IAsyncEnumerable<InferenceChunk> GenerateAsync(
        InferenceRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (request.Operation == InferenceOperation.Embedding)
        {
            yield return await new EmbeddingCall(_parts, request).RunAsync(cancellationToken);
            yield break;
        }

        var template = LargeBodies.IsLarge(request.Body.Length)
            ? await ParseLargeAsync(request, cancellationToken)
            : Parse(request);
        await using var call = new RoutedCall(_parts, request, template);
        while (await call.NextAsync(cancellationToken) is { } chunk)
            yield return chunk;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        await _desk.DisposeAsync();
        await _parts.Releases.DisposeAsync();
        _client.Dispose();
        _large.Dispose();
    }

    private Task<RequestTemplate> ParseLargeAsync(InferenceRequest request, CancellationToken cancellationToken) =>
        _large.DoAsync(request.Identity.Tenant, () => Parse(request), cancellationToken);

    private static RequestTemplate Parse(InferenceRequest request)
    {
        try
        {
            return RequestTemplate.Parse(request.Body);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.EngineRefused, "the request body is not a JSON object"));
        }
    }
}

/// <summary>An engine as the router sees it. Immutable.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Healthy">Whether its last probe was good.</param>
/// <param name="CircuitClosed">Whether requests may reach it.</param>
/// <param name="Draining">Whether it takes no new requests.</param>
/// <param name="InFlight">Requests on their way to or in it from this process.</param>
/// <param name="Models">Models by the name that clients use.</param>
public sealed record EngineStatus(
    EngineDescriptor Engine,
    bool Healthy,
    bool CircuitClosed,
    bool Draining,
    int InFlight,
    IReadOnlyList<string> Models);
