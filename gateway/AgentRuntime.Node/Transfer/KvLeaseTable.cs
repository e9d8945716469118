using System.Collections.Concurrent;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// Exported KV state that waits to be fetched. A lease ends when the receiver releases it, when the request is
/// cancelled, when it was not touched for its time, or after ten minutes however often it was. Ids are 128 random bits:
/// whoever does not know one cannot read the state. Thread-safe.
/// </summary>
internal sealed class KvLeaseTable : IDisposable
{
    private const int MostLeases = 1024;

    /// <summary>A receiver that renews and does not come to an end is waited for no longer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, KvLease> _leases = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly TimeSpan _duration;
    private readonly KvShares _bytes;
    private readonly KvShares _count = new(MostLeases);
    private readonly ITimer _sweep;

    public KvLeaseTable(NodeOptions options, TimeProvider time)
    {
        _time = time;
        _duration = options.KvLease;
        _bytes = new(options.KvLeaseBytes.Value);
        var period = TimeSpan.FromTicks(Math.Clamp(_duration.Ticks / 4, TimeSpan.TicksPerMillisecond,
            TimeSpan.TicksPerSecond * 5));
        _sweep = time.CreateTimer(static state => ((KvLeaseTable)state!).Sweep(), this, period, period);
    }

    public int Count => _leases.Count;

    /// <summary>Bytes of memory that the state of all leases takes.</summary>
    public long Bytes => _bytes.Taken;

    /// <summary>How many leases ended without being released.</summary>
    public long Expired { get; private set; }

    /// <summary>
    /// Opens a lease for a prompt that is about to be computed; its time starts when that is done.
    /// </summary>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="adapterDigest">Its adapter; null for none.</param>
    /// <param name="salt">Whose share of the room it takes: others find room however much one asks for.</param>
    /// <param name="segmentTokens">Tokens in a segment.</param>
    /// <param name="wish">
    /// The id that whoever asks for the state would have it under: nobody else may know it. Null, of another form or
    /// in use: one of this node's own making.
    /// </param>
    /// <exception cref="RuntimeErrorException">AR4009: too much state waits already.</exception>
    public KvLease Open(int[] prompt, string? adapterDigest, string? salt, int segmentTokens, string? wish = null)
    {
        var (bytes, count) = (_bytes.Of(salt), _count.Of(salt));
        // The state's own size shows when it is computed: that there is a byte left is asked for now.
        if (!bytes.TryTake(1)) throw Full();
        bytes.Give(1);
        if (!count.TryTake(1)) throw Full();
        var id = wish is not null && KvTransferParams.IsId(wish) ? wish : NewId();
        while (true)
        {
            var lease = new KvLease(
                id, new(prompt.Length, segmentTokens, bytes), PromptDigest.Of(prompt), adapterDigest, count);
            if (_leases.TryAdd(id, lease)) return lease;
            id = NewId();
        }
    }

    /// <summary>The prompt has been computed: from now on the state waits. False when it was released before.</summary>
    public bool Begin(KvLease lease)
    {
        lease.ComputedAt = _time.GetTimestamp();
        lease.WaitsSince = lease.ComputedAt;
        return _leases.ContainsKey(lease.Id);
    }

    /// <summary>Finds a lease and renews it; null when there is none.</summary>
    public KvLease? Touch(string id)
    {
        if (!_leases.TryGetValue(id, out var lease) || HasEnded(lease)) return null;
        // While its prompt is computed it lasts as long as that does.
        if (lease.WaitsSince is not null) lease.WaitsSince = _time.GetTimestamp();
        return lease;
    }

    /// <summary>Ends a lease; false when there was none.</summary>
    public bool Release(string id)
    {
        if (!_leases.TryRemove(id, out var lease)) return false;
        lease.Export.Release();
        lease.Count.Give(1);
        return true;
    }

    public void Dispose()
    {
        _sweep.Dispose();
        foreach (var id in _leases.Keys) Release(id);
    }

    private static string NewId() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    private static RuntimeErrorException Full() => new(new(
        ReasonCodes.Saturated, "the exported KV state that waits to be fetched fills its limit", "kv_transfer_params",
        "Try again later, or raise KvLeaseBytes.")
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    });

    private void Sweep()
    {
        foreach (var (id, lease) in _leases)
            if (HasEnded(lease) && Release(id))
                Expired++;
    }

    private bool HasEnded(KvLease lease) =>
        lease.WaitsSince is { } since && (_time.GetElapsedTime(since) >= _duration
            || (_time.GetElapsedTime(lease.ComputedAt) is var age && age >= Longest && age >= _duration));
}

/// <summary>One prompt's exported state and how long it is kept.</summary>
internal sealed class KvLease(
    string id, KvExport export, string promptDigest, string? adapterDigest, IKvBudget count)
{
    private const long NotYet = long.MinValue;

    private long _waitsSince = NotYet;

    public string Id { get; } = id;

    public KvExport Export { get; } = export;

    /// <summary>What it is one of, until it is released.</summary>
    public IKvBudget Count { get; } = count;

    public string PromptDigest { get; } = promptDigest;

    /// <summary>The adapter that the state was computed with; null for none.</summary>
    public string? AdapterDigest { get; } = adapterDigest;

    /// <summary>The timestamp at which its prompt had been computed; means nothing before.</summary>
    public long ComputedAt { get; set; }

    /// <summary>
    /// The timestamp from which its time runs: no clock, which may be set. Null while its prompt is computed.
    /// </summary>
    public long? WaitsSince
    {
        get => Volatile.Read(ref _waitsSince) is not NotYet and var since ? since : null;
        set => Volatile.Write(ref _waitsSince, value ?? NotYet);
    }
}
