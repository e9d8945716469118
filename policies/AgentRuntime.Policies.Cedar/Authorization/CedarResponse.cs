namespace AgentRuntime.Policies.Cedar;

/// <summary>Cedar's answer.</summary>
public enum CedarDecision
{
    /// <summary>Not a decision; callers treat it as deny.</summary>
    None = 0,
    /// <summary>A permit holds and no forbid does.</summary>
    Allow = 1,
    /// <summary>A forbid holds, or no permit does.</summary>
    Deny = 2,
}

/// <summary>
/// A decision with what led to it. Cedar skips policies that fail; <see cref="HasForbidError"/> tells.
/// </summary>
public readonly struct CedarResponse
{
    private readonly CedarPolicy[]? _reasons;
    private readonly CedarPolicyError[]? _errors;

    internal CedarResponse(CedarDecision decision, CedarPolicy[] reasons, CedarPolicyError[] errors)
    {
        (Decision, _reasons, _errors) = (decision, reasons, errors);
    }

    /// <summary>Cedar's own answer, in which a policy that fails counts as absent.</summary>
    public CedarDecision Decision { get; }

    /// <summary>
    /// The policies that determined it, in the order of the set: the forbids that hold, or else the permits that hold.
    /// Empty when it is a deny because nothing holds.
    /// </summary>
    public IReadOnlyList<CedarPolicy> Reasons => _reasons ?? [];

    /// <summary>The policies that failed, in the order of the set.</summary>
    public IReadOnlyList<CedarPolicyError> Errors => _errors ?? [];

    /// <summary>True when a forbid failed, so that an allow cannot be trusted.</summary>
    public bool HasForbidError
    {
        get
        {
            foreach (var error in _errors ?? [])
                if (error.IsInForbid) return true;
            return false;
        }
    }

    public bool IsAllowed => Decision == CedarDecision.Allow;

    /// <summary>The answer when an error in a forbid denies, as AgentRuntime decides.</summary>
    public CedarDecision DecisionFailingClosed => HasForbidError ? CedarDecision.Deny : Decision;
}
