using System.Collections.Concurrent;
using System.Net.Http.Headers;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>What the last probe found of an engine. Immutable.</summary>
/// <param name="Healthy">Whether it may be used.</param>
/// <param name="Models">Models by the name that clients use.</param>
/// <param name="ReportsLoad">Whether it shows its load in metrics that are understood.</param>
internal sealed record EngineHealth(
    bool Healthy, IReadOnlyDictionary<string, EngineModel> Models, bool ReportsLoad = false)
{
    /// <summary>Where it says that it publishes KV events; null for nowhere.</summary>
    public KvEventEndpoints? KvEvents { get; init; }

    /// <summary>Whether nothing was found because the answer did not come in time.</summary>
    public bool Late { get; init; }

    public static EngineHealth Unknown { get; } = new(false, new Dictionary<string, EngineModel>());
}

/// <summary>A model as one engine serves it. Immutable.</summary>
internal sealed record EngineModel(string EngineName, int ContextTokens)
{
    /// <summary>The model that this one is an adapter of; null for a model of its own.</summary>
    public string? Parent { get; init; }
}

/// <summary>
/// One engine in use: what is known of its health and its load. Thread-safe: health is an immutable snapshot that its
/// probe replaces; load is counted with interlocked operations.
/// </summary>
internal sealed class Engine(EngineDescriptor descriptor, CircuitBreaker circuit)
{
    /// <summary>A broken engine may let each wait; others' are not behind them.</summary>
    private const int KvReleasesAtOnce = 16;

    /// <summary>So many in a row show that the engine moves no KV state.</summary>
    private const int MaxReadsWithoutKv = 3;

    private volatile EngineHealth _health = EngineHealth.Unknown;
    private readonly ConcurrentDictionary<string, bool> _noEmbeddings = new();
    private readonly ConcurrentDictionary<string, Uri> _addresses = new(StringComparer.Ordinal);
    private int _inFlight;
    private int _readsWithoutKv;
    private volatile bool _draining;
    private volatile bool _removed;
    private readonly Lock _drainLock = new();
    private TaskCompletionSource<bool>? _drained;

    public EngineDescriptor Descriptor { get; } = descriptor;

    public CircuitBreaker Circuit { get; } = circuit;

    public AuthenticationHeaderValue? Authorization { get; } =
        descriptor.ApiKey is null ? null : new("Bearer", descriptor.ApiKey);

    public string Name => Descriptor.Name;

    public EngineHealth Health => _health;

    /// <summary>Entered by whoever tells it that KV state is not wanted.</summary>
    public SemaphoreSlim KvReleases { get; } = new(KvReleasesAtOnce, KvReleasesAtOnce);

    /// <summary>
    /// Requests on their way to or in the engine from this process, and KV state in it that others are to fetch.
    /// </summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public bool Draining => _draining;

    /// <summary>It has left the pool.</summary>
    public bool Removed => _removed;

    /// <summary>Where its KV events are to be had: what configuration says goes before what it says itself.</summary>
    public KvEventEndpoints? KvEvents => Descriptor.KvEvents ?? _health.KvEvents;

    public bool Usable => _health.Healthy && !_draining && Circuit.IsClosed;

    /// <summary>Whether another engine can go on from KV state that this one made.</summary>
    public bool MovesKvTo(Engine other) =>
        this != other && TransferGroup > 0 && TransferGroup == other.TransferGroup;

    /// <summary>
    /// Engines of one number above 0 can move KV state to one another: those of one kind that can, and have not shown
    /// that they do not.
    /// </summary>
    public byte TransferGroup =>
        Descriptor.MovesKv && Volatile.Read(ref _readsWithoutKv) < MaxReadsWithoutKv ? (byte)Descriptor.Kind : (byte)0;

    /// <summary>The address of one of the few paths that engines are asked at.</summary>
    public Uri AddressOf(string path) => _addresses.GetOrAdd(
        path, static (path, root) => Below(root, path), Descriptor.BaseAddress.AbsoluteUri);

    /// <summary>The address of KV state; none of them is kept.</summary>
    public Uri AddressOfKv(string id) => Below(Descriptor.BaseAddress.AbsoluteUri, $"kv/{id}");

    /// <summary>Whether the engine has not yet said that it has no embeddings of the model.</summary>
    public bool MayEmbed(string model) => Health.Models.ContainsKey(model) && !_noEmbeddings.ContainsKey(model);

    /// <summary>The engine has no embeddings of the model; believed until it is healthy anew.</summary>
    public void HasNoEmbeddings(string model) => _noEmbeddings.TryAdd(model, true);

    /// <summary>
    /// It read a prompt for another engine, and answered with its KV state or without. One that never has any runs
    /// without a KV connector (a plain <c>vllm serve</c>) and makes no pairs until it is healthy anew. Once says
    /// little: vLLM gives none either when the first token ends the answer.
    /// </summary>
    public void HasRead(bool withKv)
    {
        if (withKv)
            Volatile.Write(ref _readsWithoutKv, 0);
        else
            Interlocked.Increment(ref _readsWithoutKv);
    }

    public void Observe(EngineHealth health)
    {
        if (health.Healthy && !_health.Healthy)
        {
            _noEmbeddings.Clear();
            Volatile.Write(ref _readsWithoutKv, 0);
        }

        _health = health;
    }

    /// <summary>A connection failed: leave the engine alone until a probe says otherwise.</summary>
    public void MarkUnreachable() => _health = _health with { Healthy = false };

    public void MarkRemoved() => _removed = true;

    /// <summary>Counts a request in; dispose the lease when it has left the engine.</summary>
    public Lease Enter()
    {
        Interlocked.Increment(ref _inFlight);
        return new Lease(this);
    }

    /// <summary>
    /// Takes no new requests; completes when the last one has left, with false when it takes requests again before.
    /// </summary>
    public Task<bool> DrainAsync()
    {
        lock (_drainLock)
        {
            _drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            _draining = true;
            if (InFlight == 0)
                _drained.TrySetResult(true);
            return _drained.Task;
        }
    }

    /// <summary>Takes requests again; false when it does not drain, or has come to its end.</summary>
    public bool TryResume()
    {
        lock (_drainLock)
        {
            if (_drained?.TrySetResult(false) is not true)
                return false;

            _draining = false;
            _drained = null;
            return true;
        }
    }

    private static Uri Below(string root, string path) => new(root.EndsWith('/') ? root + path : $"{root}/{path}");

    private void Leave()
    {
        if (Interlocked.Decrement(ref _inFlight) != 0 || !_draining)
            return;

        lock (_drainLock)
        {
            if (InFlight == 0)
                _drained?.TrySetResult(true);
        }
    }

    public sealed class Lease(Engine engine) : IDisposable
    {
        private int _left;

        public Engine Engine => engine;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                engine.Leave();
        }
    }

    /// <summary>The models that the pool as a whole offers.</summary>
    public static IReadOnlyList<ServedModel> Offer(IEnumerable<Engine> engines) =>
    [
        .. engines.Where(e => e.Health.Healthy && !e.Draining)
            .SelectMany(e => e.Health.Models)
            .GroupBy(m => m.Key, m => m.Value.ContextTokens, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new ServedModel(g.Key, g.Min())),
    ];
}
