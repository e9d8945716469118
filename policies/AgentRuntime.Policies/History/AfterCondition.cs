using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// <c>after</c>: a call of another tool must have succeeded before, about the same thing (the arguments named by
/// <paramref name="Same"/> are equal in both) and within a window.
/// </summary>
internal sealed record AfterCondition(
    string Before, IReadOnlyList<string> Same, TimeSpan? Within, BundlePosition Position) : HistoryCondition(Position)
{
    public override string? Watched => Before;

    public override string Describe() =>
        $"after '{Before}'"
        + (Same.Count == 0 ? "" : $" with the same {string.Join(" and ", Same)}")
        + (Within is { } window ? $" within {YamlSection.Describe(window)}" : "");

    public override HistoryMonitor Start() => new SuccessMonitor(this);

    public override bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call) =>
        KeyOf(call.Input) is { } key && ((SuccessMonitor)monitor!).Holds(key, call.At, Within);

    /// <summary>
    /// What both calls are about; null when an argument is absent, and then they are about different things.
    /// </summary>
    public CedarRecord? KeyOf(CedarRecord input)
    {
        if (Same.Count == 0)
            return CedarRecord.Empty;
        var parts = new (string, CedarValue)[Same.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!input.TryGetValue(Same[i], out var value))
                return null;
            parts[i] = (Same[i], value);
        }

        return CedarRecord.Create(parts);
    }
}

/// <summary>
/// Remembers what calls that succeeded were about, and when. Holds the last <see cref="MaxRemembered"/> things: an
/// older one is forgotten, and then the condition does not hold.
/// </summary>
internal sealed class SuccessMonitor(AfterCondition condition) : HistoryMonitor
{
    public const int MaxRemembered = 10_000;

    private readonly Dictionary<CedarRecord, DateTimeOffset> _last = [];
    private readonly Queue<CedarRecord> _order = new();

    public bool Holds(CedarRecord key, DateTimeOffset now, TimeSpan? within) =>
        _last.TryGetValue(key, out var at) && (within is not { } window || now - at <= window);

    public override object? Begin(in HistoryCall call) => null;

    public override void End(in HistoryCall call, object? begun, CallOutcome outcome)
    {
        if (outcome != CallOutcome.Succeeded || condition.KeyOf(call.Input) is not { } key)
            return;
        if (_last.TryGetValue(key, out var before))
        {
            if (before < call.At)
                _last[key] = call.At;
            return;
        }

        if (_order.Count == MaxRemembered)
            _last.Remove(_order.Dequeue());
        _order.Enqueue(key);
        _last.Add(key, call.At);
    }
}
