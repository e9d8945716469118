using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary><c>at_most</c>: calls of the granted tool, over the run or within a window.</summary>
internal sealed record AtMostCondition(string Tool, long Calls, TimeSpan? Within, BundlePosition Position)
    : HistoryCondition(Position)
{
    public override string? Watched => Tool;

    public override string Describe() =>
        string.Create(CultureInfo.InvariantCulture, $"at most {Calls} calls{Span(Within)}");

    public override HistoryMonitor Start() => new TotalMonitor(Within, static (in HistoryCall _) => 1);

    public override bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call) =>
        ((TotalMonitor)monitor!).At(call.At) < Calls;

    internal static string Span(TimeSpan? within) =>
        within is { } window ? $" within {YamlSection.Describe(window)}" : " in the run";
}

/// <summary>
/// <c>total</c>: the sum of an argument with this call's, over the run or within a window. An argument that is absent
/// or below zero does not keep to it: it would make room for others.
/// </summary>
internal sealed record TotalCondition(
    string Tool, ArgumentLimit Limit, TimeSpan? Within, BundlePosition Position) : HistoryCondition(Position)
{
    /// <summary>In units of the argument: ones for an integer, ten-thousandths for a decimal.</summary>
    private long Most { get; } = Limit.Shape is IntegerShape
        ? long.Parse(Limit.Values[0], CultureInfo.InvariantCulture)
        : (long)(decimal.Parse(Limit.Values[0], CultureInfo.InvariantCulture) * 10_000);

    public override string? Watched => Tool;

    public override string Describe() =>
        $"a total of {Limit.Argument} at most {Limit.Values[0]}{AtMostCondition.Span(Within)}";

    public override HistoryMonitor Start() => new TotalMonitor(Within, Amount);

    public override bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call) =>
        Limit.Find(call.Input) is { } value
        && Scaled(value) is >= 0 and var amount
        && ((TotalMonitor)monitor!).At(call.At) + amount <= Most;

    // Another grant may have allowed a call that this one would not: what is below zero then counts as nothing.
    private long Amount(in HistoryCall call) => Limit.Find(call.Input) is { } value ? Math.Max(0, Scaled(value)) : 0;

    private static long Scaled(CedarValue value) =>
        value.Kind == CedarValueKind.Long ? value.AsLong() : value.AsDecimalTenThousandths();
}

/// <summary>What a call adds to a <see cref="SlidingTotal"/>.</summary>
internal delegate long CallAmount(in HistoryCall call);

/// <summary>Sums over calls.</summary>
internal sealed class TotalMonitor(TimeSpan? window, CallAmount amount) : HistoryMonitor
{
    private readonly SlidingTotal _total = new(window);

    public Int128 At(DateTimeOffset now) => _total.At(now);

    public override object? Begin(in HistoryCall call)
    {
        // Pruned here too, so that a run whose calls another grant allows does not pile entries up.
        _total.At(call.At);
        return _total.Add(call.At, amount(call));
    }

    public override void End(in HistoryCall call, object? begun, CallOutcome outcome) => _total.End(begun!, outcome);
}
