namespace AgentRuntime.Abstractions;

/// <content>2xxx: policy.</content>
public static partial class ReasonCodes
{
    /// <summary>The tenant has no policy bundle, so nothing is allowed.</summary>
    public static readonly ReasonCode NoPolicy = new(2001);

    /// <summary>No rule allows the call.</summary>
    public static readonly ReasonCode DefaultDeny = new(2002);

    /// <summary>A rule forbids the call.</summary>
    public static readonly ReasonCode ForbiddenByRule = new(2003);

    /// <summary>A rule that could forbid the call failed to evaluate, so the call is refused.</summary>
    public static readonly ReasonCode RuleError = new(2004);

    /// <summary>The call needs a person's approval.</summary>
    public static readonly ReasonCode ApprovalRequired = new(2005);

    /// <summary>The agent is not named in the tenant's bundle, so it may do nothing.</summary>
    public static readonly ReasonCode AgentNotInBundle = new(2006);

    /// <summary>The policy bundle does not validate.</summary>
    public static readonly ReasonCode InvalidBundle = new(2007);

    /// <summary>The agent asked for a tool that no tool server of its bundle offers.</summary>
    public static readonly ReasonCode UnknownToolInPolicy = new(2008);

    /// <summary>The bundle does not grant the model to the caller.</summary>
    public static readonly ReasonCode ModelNotGranted = new(2009);

    /// <summary>A person was asked and refused the call.</summary>
    public static readonly ReasonCode ApprovalRefused = new(2010);

    /// <summary>No such version of the tenant's bundle is kept.</summary>
    public static readonly ReasonCode UnknownBundleVersion = new(2011);

    /// <summary>A threat rule lets the agent make calls only slowly.</summary>
    public static readonly ReasonCode Throttled = new(2012);

    /// <summary>A threat rule has put the agent into quarantine.</summary>
    public static readonly ReasonCode AgentQuarantined = new(2013);

    /// <summary>A threat rule has ended the run.</summary>
    public static readonly ReasonCode RunKilled = new(2014);

    /// <summary>The decision could not be recorded, so the call is refused.</summary>
    public static readonly ReasonCode NotRecorded = new(2015);

    /// <summary>The bundle does not let the agent reach the tool's host.</summary>
    public static readonly ReasonCode EgressDenied = new(2016);

    /// <summary>There is no such recorded decision.</summary>
    public static readonly ReasonCode UnknownDecision = new(2017);
}
