using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// What threat rules have counted of agents over all of their runs, and what they hold against them. Outlives the
/// bundle whose rules fired. Bounded by the agents that bundles name. Thread-safe.
/// </summary>
internal sealed class ThreatMonitor(IAuditLog? audit = null)
{
    private readonly ConcurrentDictionary<(TenantId Tenant, string Agent), AgentThreats> _agents = [];

    /// <summary>The threats of one agent.</summary>
    public AgentThreats Of(TenantId tenant, string agent) => _agents.GetOrAdd((tenant, agent), static _ => new());

    /// <summary>Everything that holds against a tenant's agents.</summary>
    public IReadOnlyList<(string Agent, ThreatHold Hold)> Holds(TenantId tenant, DateTimeOffset at) =>
        _agents
            .Where(a => a.Key.Tenant == tenant)
            .SelectMany(a => a.Value.Holds(at).Select(h => (a.Key.Agent, h)))
            .OrderBy(h => h.Agent, StringComparer.Ordinal)
            .ThenBy(h => h.h.Rule, StringComparer.Ordinal)
            .ToList();

    /// <summary>A rule fired.</summary>
    public void Tell(TenantId tenant, DateTimeOffset at, ThreatFound found) =>
        audit?.TryAppend(new(tenant, at, found));

    /// <summary>Ends what holds against an agent; false when nothing did.</summary>
    public bool Lift(WorkIdentity caller, string agent, DateTimeOffset at)
    {
        if (!_agents.TryGetValue((caller.Tenant, agent), out var threats) || !threats.Lift(at))
            return false;
        Tell(caller.Tenant, at, new("", "lift", agent, "lifted") { OfAgent = true, Principal = caller.Principal });
        return true;
    }

    /// <summary>Takes over what the audit log has kept of holds after a restart, as far as they still hold.</summary>
    /// <param name="tenant">Whose agents.</param>
    /// <param name="records">The records of the rules that fired, oldest first.</param>
    /// <param name="at">The time.</param>
    public void Restore(TenantId tenant, IEnumerable<AuditRecord> records, DateTimeOffset at)
    {
        foreach (var record in records)
        {
            if (record.Data is not ThreatFound { OfAgent: true } found)
                continue;
            var effect = (ThreatEffect)(Array.IndexOf(ThreatRule.EffectWords, found.Effect) + 1);
            if (effect is ThreatEffect.RequireApproval or ThreatEffect.Throttle or ThreatEffect.QuarantineAgent
                && found.Until > at)
                Of(tenant, found.Agent).Hold(new(
                    found.Rule,
                    effect,
                    found.Until.Value,
                    found.Detail,
                    TimeSpan.FromSeconds(found.PaceSeconds ?? 10),
                    null));
        }
    }
}

/// <summary>What was counted of one agent over its runs, and what holds against it. Thread-safe.</summary>
internal sealed class AgentThreats
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ThreatCounter> _counters = new(StringComparer.Ordinal);
    private readonly List<ThreatHold> _holds = [];

    /// <summary>Counts for a rule; true when it fires. A rule that is written anew begins anew.</summary>
    public bool Add(ThreatRule rule, DateTimeOffset at)
    {
        lock (_lock)
        {
            if (!_counters.TryGetValue(rule.Name, out var counter)
                || counter.Rule.Count != rule.Count
                || counter.Rule.Within != rule.Within)
                _counters[rule.Name] = counter = new(rule);
            return counter.Add(at);
        }
    }

    /// <summary>Holds something against the agent, in place of what the same rule held before.</summary>
    public void Hold(ThreatHold hold)
    {
        lock (_lock)
        {
            _holds.RemoveAll(h => h.Rule == hold.Rule);
            _holds.Add(hold);
        }
    }

    /// <summary>What holds now.</summary>
    public IReadOnlyList<ThreatHold> Holds(DateTimeOffset at)
    {
        // The usual case, in the path of every decision: nothing holds.
        if (_holds.Count == 0)
            return [];
        lock (_lock)
        {
            _holds.RemoveAll(h => h.Until <= at);
            return _holds.ToList();
        }
    }

    /// <summary>A throttled call goes through; false when it comes too soon, with the time to wait.</summary>
    public bool TryPass(ThreatHold hold, DateTimeOffset at, out TimeSpan wait)
    {
        lock (_lock)
        {
            // A clock that stepped back must not hold calls up until it is where it was.
            if (hold.LastCall > at)
                hold.LastCall = at;
            wait = hold.LastCall == DateTimeOffset.MinValue ? TimeSpan.Zero : hold.LastCall + hold.Pace - at;
            if (wait > TimeSpan.Zero)
                return false;
            hold.LastCall = at;
            return true;
        }
    }

    /// <summary>Nothing holds any more, and counting begins anew; false when nothing held.</summary>
    public bool Lift(DateTimeOffset at)
    {
        lock (_lock)
        {
            var held = _holds.Exists(h => h.Until > at);
            _holds.Clear();
            _counters.Clear();
            return held;
        }
    }
}
