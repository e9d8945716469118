using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// What Cedar's answer means here: a forbid that fails denies, and a permit may ask for approval. Stateless.
/// </summary>
internal static class Verdicts
{
    /// <summary>What an answer comes to.</summary>
    internal enum Outcome : byte
    {
        /// <summary>No permit holds.</summary>
        NotGranted = 1,

        /// <summary>A forbid holds.</summary>
        Forbidden = 2,

        /// <summary>A forbid failed, so nobody knows whether it holds.</summary>
        Undecidable = 3,

        /// <summary>Only permits that ask for approval hold.</summary>
        NeedsApproval = 4,

        /// <summary>A permit that asks for nothing holds.</summary>
        Allowed = 5,
    }

    public static Outcome Of(CedarResponse response)
    {
        if (!response.IsAllowed && response.Reasons.Count > 0)
            return Outcome.Forbidden;
        if (response.HasForbidError)
            return Outcome.Undecidable;
        if (!response.IsAllowed)
            return Outcome.NotGranted;

        // One permit that asks for nothing is enough: approval is for what only permits with approval let through.
        foreach (var permit in response.Reasons)
        {
            if (!permit.Annotations.ContainsKey("approval"))
                return Outcome.Allowed;
        }

        return Outcome.NeedsApproval;
    }

    /// <summary>
    /// A call that is forbidden may be made once a person agrees, if this is what it comes to with the approval.
    /// </summary>
    public static bool MayBeApproved(this Outcome withApproval) =>
        withApproval is Outcome.Allowed or Outcome.NeedsApproval;

    public static Verdict ToVerdict(this Outcome outcome) =>
        outcome switch
        {
            Outcome.Allowed => Verdict.Allow,
            Outcome.NeedsApproval => Verdict.RequireApproval,
            _ => Verdict.Deny,
        };
}
