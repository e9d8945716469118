using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// The history of one run: its figures, its monitors and the calls in flight. Not thread-safe by itself:
/// <see cref="RunPolicy"/> holds its lock from the look at the history to the entry of the call, so that two calls at
/// once cannot both be the last that is allowed.
/// </summary>
internal sealed class RunHistory
{
    public const int MaxInFlight = 1_000;

    private readonly HistoryPlan? _plan;
    private readonly HistoryMonitor?[] _monitors;
    private readonly Dictionary<PolicyCall, Flight> _inFlight = new(ReferenceEqualityComparer.Instance);

    public RunHistory(HistoryPlan? plan, DataLabels input)
    {
        _plan = plan;
        _monitors = plan is null ? [] : Array.ConvertAll(plan.Conditions, static c => c.Start());
        Figures = new(input.Trusted, input.Confidentiality);
    }

    public RunFigures Figures { get; }

    public Approvals Approvals { get; } = new();

    public bool IsFull => _inFlight.Count >= MaxInFlight;

    /// <summary>The grants of the call's tool whose history conditions all hold for it.</summary>
    public CedarSet Holding(in HistoryCall call)
    {
        if (_plan is null || !_plan.Checks.TryGetValue(call.Tool, out var checks))
            return CedarSet.Empty;
        var holding = new List<CedarValue>(checks.Length);
        foreach (var check in checks)
        {
            if (FirstUnmet(check, call) is null)
                holding.Add(check.Id);
        }

        return CedarSet.Create(holding);
    }

    /// <summary>The first history condition of a grant that does not hold for a call; null when all hold.</summary>
    public HistoryCondition? Unmet(string grantId, in HistoryCall call)
    {
        if (_plan is null || !_plan.Checks.TryGetValue(call.Tool, out var checks))
            return null;
        foreach (var check in checks)
        {
            if (check.Id.AsString() == grantId)
                return FirstUnmet(check, call);
        }

        return null;
    }

    /// <summary>
    /// Enters an allowed call of a tool or of memory, or with neither of a model. It spends the approval of this very
    /// call and the one that its permit asks for, if those are not the same.
    /// </summary>
    /// <exception cref="ArgumentException">This very call is in flight already.</exception>
    public void Begin(
        PolicyCall call,
        ToolEntry? tool,
        MemoryEntry? memory,
        in HistoryCall seen,
        Approvals.Approval? own,
        Approvals.Approval? approval)
    {
        if (_inFlight.ContainsKey(call))
            throw new ArgumentException("the call is in flight already; each call is decided once", nameof(call));
        object?[]? begun = null;
        if (tool is not null)
        {
            begun = BeginMonitors(seen);
            Figures.Begin(tool);
        }
        else if (memory is not null)
        {
            Figures.Count(memory, seen.Tool, 1);
        }
        else
        {
            Figures.ModelCalls++;
        }

        var flight = new Flight(tool, memory, seen, begun, own, approval);
        flight.Spend(true);
        _inFlight.Add(call, flight);
    }

    /// <summary>A call ended. One that is not in flight changes nothing.</summary>
    public void End(PolicyCall call, CallOutcome outcome)
    {
        if (!_inFlight.Remove(call, out var flight))
            return;
        if (flight.Tool is null)
        {
            // A model or memory that failed is no failure of a tool; only what was never sent is taken back.
            if (outcome != CallOutcome.NotSent)
                return;
            if (flight.Memory is not null)
                Figures.Count(flight.Memory, flight.Seen.Tool, -1);
            else
                Figures.ModelCalls--;
            return;
        }

        Figures.End(flight.Tool, outcome);
        if (outcome == CallOutcome.NotSent)
            flight.Spend(false);
        if (flight.Begun is not { } begun)
            return;
        var watchers = _plan!.Watchers[flight.Seen.Tool];
        for (var i = 0; i < watchers.Length; i++)
            _monitors[watchers[i]]!.End(flight.Seen, begun[i], outcome);
    }

    private object?[]? BeginMonitors(in HistoryCall seen)
    {
        if (_plan is null || !_plan.Watchers.TryGetValue(seen.Tool, out var watchers))
            return null;
        var begun = new object?[watchers.Length];
        for (var i = 0; i < watchers.Length; i++)
            begun[i] = _monitors[watchers[i]]!.Begin(seen);
        return begun;
    }

    private HistoryCondition? FirstUnmet(HistoryPlan.GrantCheck check, in HistoryCall call)
    {
        foreach (var number in check.Conditions)
        {
            var condition = _plan!.Conditions[number];
            if (!condition.Holds(_monitors[number], Figures, call))
                return condition;
        }

        return null;
    }

    private readonly record struct Flight(
        ToolEntry? Tool,
        MemoryEntry? Memory,
        HistoryCall Seen,
        object?[]? Begun,
        Approvals.Approval? Own,
        Approvals.Approval? Approval)
    {
        public void Spend(bool spent)
        {
            if (Own is not null)
                Own.Spent = spent;
            if (Approval is not null)
                Approval.Spent = spent;
        }
    }
}
