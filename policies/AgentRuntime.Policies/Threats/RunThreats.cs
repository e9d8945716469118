using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// Threat rules in one run: constant work for each rule that watches its agent. Called with the run's lock held; what
/// is of the agent has a lock of its own.
/// </summary>
internal sealed class RunThreats(
    IReadOnlyList<ThreatRule> rules, WorkIdentity identity, BundleDigest bundle, ThreatMonitor monitor)
{
    private readonly ThreatCounter[] _ofRun = rules.Where(r => !r.OfAgent).Select(r => new ThreatCounter(r)).ToArray();
    private readonly ThreatRule[] _ofAgent = rules.Where(r => r.OfAgent).ToArray();
    private readonly AgentThreats _agent = monitor.Of(identity.Tenant, identity.AgentName!);
    private readonly AgentThreats _run = new();
    private ThreatRule? _killedBy;

    /// <summary>A rule has ended the run.</summary>
    public bool EndsRun => _killedBy is not null;

    /// <summary>Why every call is refused before any policy is asked; null when none is for that.</summary>
    public RuntimeError? Refusal(DateTimeOffset at) =>
        _killedBy is { } rule ? Killed(rule) : QuarantineOf(_agent, identity.AgentName!, at);

    /// <summary>Calls are let through slowly only: <see cref="Pace(DateTimeOffset)"/>.</summary>
    public bool IsThrottled(DateTimeOffset at) => IsThrottled(_agent, at) || IsThrottled(_run, at);

    /// <summary>Lets a call through; why not when it comes too soon.</summary>
    public RuntimeError? Pace(DateTimeOffset at) => Pace(_agent, at) ?? Pace(_run, at);

    /// <summary>The rule that asks for a person; null when none does.</summary>
    public ThreatHold? AskedFor(DateTimeOffset at) =>
        _agent.Holds(at).FirstOrDefault(h => h.Effect == ThreatEffect.RequireApproval)
        ?? _run.Holds(at).FirstOrDefault(h => h.Effect == ThreatEffect.RequireApproval);

    /// <summary>Counts; the refusal that ends the run when a rule says so, else null.</summary>
    public RuntimeError? Count(ThreatSignal signal, string resource, ReasonCode? code, DateTimeOffset at)
    {
        foreach (var counter in _ofRun)
        {
            if (counter.Rule.Counts(signal, resource, code) && counter.Add(at))
                Fire(counter.Rule, at);
        }

        foreach (var rule in _ofAgent)
        {
            if (rule.Counts(signal, resource, code) && _agent.Add(rule, at))
                Fire(rule, at);
        }

        return _killedBy is { } killed ? Killed(killed) : null;
    }

    /// <summary>Why an agent in quarantine may do nothing; null when it is in none.</summary>
    public static RuntimeError? QuarantineOf(AgentThreats threats, string agent, DateTimeOffset at) =>
        threats.Holds(at).FirstOrDefault(h => h.Effect == ThreatEffect.QuarantineAgent) is not { } hold
            ? null
            : new(
                ReasonCodes.AgentQuarantined,
                $"the agent '{agent}' is in quarantine until {hold.Until:yyyy-MM-dd'T'HH:mm:ss'Z'}: the threat rule "
                    + $"'{hold.Rule}' fired on {hold.Detail}{Because(hold.Reason)}",
                hold.Rule,
                $"'agentctl policy lift {agent}' ends it.")
            {
                RetryAfter = hold.Until - at,
            };

    private static bool IsThrottled(AgentThreats threats, DateTimeOffset at) =>
        threats.Holds(at).Any(static h => h.Effect == ThreatEffect.Throttle);

    private static RuntimeError? Pace(AgentThreats threats, DateTimeOffset at)
    {
        foreach (var hold in threats.Holds(at))
        {
            if (hold.Effect == ThreatEffect.Throttle && !threats.TryPass(hold, at, out var wait))
                return new(
                    ReasonCodes.Throttled,
                    $"one call in {YamlSection.Describe(hold.Pace)} is let through: the threat rule '{hold.Rule}' "
                        + $"fired on {hold.Detail}{Because(hold.Reason)}",
                    hold.Rule)
                {
                    RetryAfter = wait,
                };
        }

        return null;
    }

    private static RuntimeError Killed(ThreatRule rule) =>
        new(
            ReasonCodes.RunKilled,
            $"the threat rule '{rule.Name}' ended the run: {rule.Describe()}{Because(rule.Reason)}",
            rule.Position.ToString());

    private static string Because(string? reason) => reason is null ? "" : $" ({reason})";

    private void Fire(ThreatRule rule, DateTimeOffset at)
    {
        var lasting = rule.Effect is not (ThreatEffect.Warn or ThreatEffect.KillRun);
        if (rule.Effect == ThreatEffect.KillRun)
            _killedBy = rule;
        if (lasting)
            (rule.HoldsAgent ? _agent : _run).Hold(new(
                rule.Name, rule.Effect, at + rule.Lasts, rule.Describe(), rule.Pace, rule.Reason));
        monitor.Tell(
            identity.Tenant,
            at,
            new(rule.Name, rule.EffectWord, identity.AgentName!, rule.Describe())
            {
                Run = identity.Run?.ToString(),
                Until = lasting ? at + rule.Lasts : null,
                OfAgent = lasting && rule.HoldsAgent,
                PaceSeconds = rule.Effect == ThreatEffect.Throttle ? rule.Pace.TotalSeconds : null,
                Bundle = bundle.ToString(),
            });
    }
}
