using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>One tenant's place in a pool: what it has been served, and what waits. Owned by its pool.</summary>
internal sealed class TenantShare(TenantId tenant)
{
    private double[] _waitingSeconds = [];

    public TenantId Tenant { get; } = tenant;

    /// <summary>Its share against others' 1.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Charged tokens over weight: the virtual token counter (VTC, OSDI'24).</summary>
    public double Served { get; set; }

    /// <summary>
    /// The pool's virtual time when the tenant last returned, whether its counter was lifted or it had less than a
    /// burst in hand: those who return after it begin no further back than it did.
    /// </summary>
    public double ReturnedAt { get; set; }

    /// <summary>What the pool's virtual time is when a request of the tenant is served.</summary>
    public double VirtualTime => Math.Max(Served, ReturnedAt);

    /// <summary>All that it was ever charged: unlike the counter, never lifted.</summary>
    public double ChargedTokens { get; set; }

    /// <summary>Requests that wait in the router.</summary>
    public int Waiting { get; set; }

    /// <summary>Its place in <see cref="ModelPool.WaitingTenants"/> while it has some.</summary>
    public int WaitingIndex { get; set; }

    /// <summary>Work that waits for any engine.</summary>
    public double AllWaitingSeconds { get; private set; }

    /// <summary>Requests under way, waiting ones included.</summary>
    public int Active { get; set; }

    /// <summary>Work that waits for an engine.</summary>
    public double WaitingSeconds(int engine) =>
        (uint)engine < (uint)_waitingSeconds.Length ? _waitingSeconds[engine] : 0;

    public void AddWaiting(int engine, double seconds)
    {
        if (engine < 0)
            return;
        if (engine >= _waitingSeconds.Length)
            Array.Resize(ref _waitingSeconds, Math.Max(8, (engine + 1) * 2));
        ref var waiting = ref _waitingSeconds[engine];
        // Sums of floating-point numbers drift; what is as good as nothing is nothing.
        waiting = waiting + seconds < 1e-9 ? 0 : waiting + seconds;
        AllWaitingSeconds = AllWaitingSeconds + seconds < 1e-9 ? 0 : AllWaitingSeconds + seconds;
    }
}
