using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary><c>never_after_failure</c>: no call of these tools, or of any, has failed in the run.</summary>
internal sealed record NeverAfterFailureCondition(IReadOnlyList<string> Tools, BundlePosition Position)
    : HistoryCondition(Position)
{
    public override string? Watched => null;

    public override string Describe() =>
        Tools.Count == 0
            ? "as long as no call has failed"
            : $"as long as no call of {string.Join(" or ", Tools.Select(t => $"'{t}'"))} has failed";

    public override HistoryMonitor? Start() => null;

    public override bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call)
    {
        if (Tools.Count == 0)
            return figures.Failures == 0;
        foreach (var tool in Tools)
        {
            if (figures.Of(tool).Failures > 0)
                return false;
        }

        return true;
    }
}

/// <summary><c>never_after_untrusted</c>: nothing untrusted has come into the run.</summary>
internal sealed record NeverAfterUntrustedCondition(BundlePosition Position) : HistoryCondition(Position)
{
    public override string? Watched => null;

    public override string Describe() => "as long as nothing untrusted has come into the run";

    public override HistoryMonitor? Start() => null;

    public override bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call) => figures.IsTrusted;
}
