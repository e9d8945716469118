namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A request of which some is not known yet: a null actor, or parts of the context. Immutable.
/// </summary>
public sealed record CedarPartialRequest
{
    /// <summary>Who asks; null when not known.</summary>
    public EntityUid? Principal { get; init; }

    /// <summary>The type of an unknown principal, where that is known.</summary>
    public string? PrincipalType { get; init; }

    /// <summary>What is to be done; null when not known.</summary>
    public EntityUid? Action { get; init; }

    /// <summary>What it is to be done with; null when not known.</summary>
    public EntityUid? Resource { get; init; }

    /// <summary>The type of an unknown resource, where that is known.</summary>
    public string? ResourceType { get; init; }

    /// <summary>The attributes of the context that are known.</summary>
    public CedarRecord Context { get; init; } = CedarRecord.Empty;

    /// <summary>Attributes of the context that may or may not be there, such as the arguments of a call.</summary>
    public IReadOnlySet<string> UnknownContext { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>True when any attribute that <see cref="Context"/> lacks may be there.</summary>
    public bool IsContextOpen { get; init; }
}

/// <summary>A policy of which it is open whether it holds.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Condition">What remains to be checked, as a Cedar expression.</param>
public sealed record CedarResidual(CedarPolicy Policy, string Condition);

/// <summary>What can be said of a request that is not known in full.</summary>
/// <param name="Decision">
/// Allow or deny when every completion of the request gets that answer; <see cref="CedarDecision.None"/> when it
/// depends.
/// </param>
/// <param name="Satisfied">Policies that hold whatever the rest of the request is.</param>
/// <param name="Residuals">Policies that may hold, with what remains to be checked.</param>
/// <param name="Errors">Policies that fail whatever the rest of the request is.</param>
public sealed record CedarPartialResponse(
    CedarDecision Decision,
    IReadOnlyList<CedarPolicy> Satisfied,
    IReadOnlyList<CedarResidual> Residuals,
    IReadOnlyList<CedarPolicyError> Errors)
{
    /// <summary>False when every completion is denied: what is to be done may be hidden from whoever asks.</summary>
    public bool MayBeAllowed => Decision != CedarDecision.Deny;

    /// <summary>True when a forbid fails whatever the rest is; AgentRuntime then denies.</summary>
    public bool HasForbidError => Errors.Any(e => e.IsInForbid);
}
