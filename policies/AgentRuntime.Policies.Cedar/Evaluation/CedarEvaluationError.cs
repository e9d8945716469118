namespace AgentRuntime.Policies.Cedar;

/// <summary>Why a policy could not be evaluated for a request (Cedar reference, "Error handling").</summary>
public enum CedarErrorKind
{
    /// <summary>Not an error.</summary>
    None = 0,
    /// <summary>An operator got a value of a type that it does not take.</summary>
    TypeMismatch = 1,
    /// <summary>An attribute or tag of an entity that is not in the store was read.</summary>
    UnknownEntity = 2,
    /// <summary>A record or an entity has no such attribute.</summary>
    MissingAttribute = 3,
    /// <summary>An entity has no such tag.</summary>
    MissingTag = 4,
    /// <summary>Integer arithmetic left 64 bits.</summary>
    Overflow = 5,
    /// <summary>An extension function refused its argument, for example <c>ip("x")</c>.</summary>
    Extension = 6,
    /// <summary>A function got the wrong number of arguments.</summary>
    ArgumentCount = 7,
    /// <summary>The value is not known; only in partial evaluation.</summary>
    Unknown = 8,
    /// <summary>The policies together compare more texts and sets than one decision may.</summary>
    TooMuchWork = 9,
}

/// <summary>A policy that failed during a decision.</summary>
/// <param name="Policy">The policy; an error in a forbid means that it may have failed to deny.</param>
/// <param name="Kind">What went wrong.</param>
/// <param name="Message">A sentence for people.</param>
public sealed record CedarPolicyError(CedarPolicy Policy, CedarErrorKind Kind, string Message)
{
    /// <summary>True when the failed policy is a forbid.</summary>
    public bool IsInForbid => Policy.Effect == CedarEffect.Forbid;

    public override string ToString() => $"policy `{Policy.Id}`: {Message}";
}
