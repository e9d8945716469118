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
    private readonly KvBudget _budget;
    private readonly ITimer _sweep;

    public KvLeaseTable(NodeOptions options, TimeProvider time)
    {
        _time = time;
        _duration = options.KvLease;
        _budget = new(options.KvLeaseBytes.Value);
        var period = TimeSpan.FromTicks(Math.Clamp(_duration.Ticks / 4, TimeSpan.TicksPerMillisecond,
            TimeSpan.TicksPerSecond * 5));
        _sweep = time.CreateTimer(static state => ((KvLeaseTable)state!).Sweep(), this, period, period);
    }

    public int Count => _leases.Count;

    /// <summary>Bytes of memory that the state of all leases takes.</summary>
    public long Bytes => _budget.Taken;

    /// <summary>How many leases ended without being released.</summary>
    public long Expired { get; private set; }

    /// <summary>
    /// Opens a lease for a prompt that is about to be computed; its time starts when that is done.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR4009: too much state waits already.</exception>
    public KvLease Open(int[] prompt, string? adapterDigest, int segmentTokens)
    {
        if (_budget.IsSpent || _leases.Count >= MostLeases)
        {
            throw new RuntimeErrorException(new(
                ReasonCodes.Saturated, "the exported KV state that waits to be fetched fills its limit",
                    "kv_transfer_params",
                "Try again later, or raise KvLeaseBytes.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            });
        }

        var lease = new KvLease(
            RandomNumberGenerator.GetHexString(32, lowercase: true), new(prompt.Length, segmentTokens, _budget),
            PromptDigest.Of(prompt), adapterDigest);
        _leases[lease.Id] = lease;
        return lease;
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
        return true;
    }

    public void Dispose()
    {
        _sweep.Dispose();
        foreach (var id in _leases.Keys) Release(id);
    }

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
internal sealed class KvLease(string id, KvExport export, string promptDigest, string? adapterDigest)
{
    private const long NotYet = long.MinValue;

    private long _waitsSince = NotYet;

    public string Id { get; } = id;

    public KvExport Export { get; } = export;

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
