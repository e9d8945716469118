namespace AgentRuntime.Abstractions;

/// <summary>The verdict. Zero is no verdict and must be treated as <see cref="Deny"/>.</summary>
public enum Verdict : byte
{
    /// <summary>The call must not be made.</summary>
    Deny = 1,

    /// <summary>The call may be made.</summary>
    Allow = 2,

    /// <summary>The call may be made once a person has approved it.</summary>
    RequireApproval = 3,
}

/// <summary>A decision with its reasons. Immutable.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Reason">Why not (AR2xxx); null when allowed.</param>
/// <param name="Bundle">The bundle that decided; null when the tenant has none.</param>
public sealed record Decision(Verdict Verdict, RuntimeError? Reason, BundleDigest? Bundle)
{
    /// <summary>Ids of the policies that determined the verdict, in order.</summary>
    public IReadOnlyList<string> DeterminingPolicies { get; init; } = [];

    /// <summary>Policies that failed to evaluate, with what went wrong.</summary>
    public IReadOnlyList<string> Errors { get; init; } = [];

    /// <summary>On condition of what the call is allowed.</summary>
    public IReadOnlyList<Obligation> Obligations { get; init; } = [];

    /// <summary>
    /// The arguments that must be sent in place of those that were asked; null when those may be sent. Whoever sends
    /// calls
    /// must send these, and only then may say so to the decision point's options.
    /// </summary>
    public System.Text.Json.JsonElement? Arguments { get; init; }

    /// <summary>
    /// The arguments as records may hold them, without what the bundle redacts; null when those that were asked may be
    /// recorded.
    /// </summary>
    public System.Text.Json.JsonElement? RecordedArguments { get; init; }

    /// <summary>What the tenant's shadow would have decided; null when it has none. It changes nothing.</summary>
    public Decision? Shadow { get; init; }

    /// <summary>The run must end now, with <see cref="Reason"/>: a threat rule says so. Only with a denial.</summary>
    public bool EndsRun { get; init; }
}
