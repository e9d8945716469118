using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>The errors of runs as a whole, in one place.</summary>
internal static class RunErrors
{
    /// <summary>Messages of guests are cut here: they go into events and errors.</summary>
    private const int MaxGuestMessage = 2_000;

    public static RuntimeError Cancelled() => new(ReasonCodes.RunCancelled, "The run was cancelled.");

    public static RuntimeError Interrupted(string why) => new(
        ReasonCodes.RunInterrupted, $"The platform stopped while the run was under way; {why}.",
        Action: "Start the run again.");

    public static RuntimeError Diverged(int call) => new(
        ReasonCodes.RunInterrupted,
        $"The platform stopped while the run was under way, and the agent took another path when its first calls were "
            + $"replayed: call {call} differs from the recorded one.",
        Action: "Start the run again; an agent that is to survive a restart must not depend on clocks or chance.");

    public static RuntimeError Deadline(TimeSpan deadline) => new(
        ReasonCodes.RunDeadline,
        string.Create(CultureInfo.InvariantCulture, $"The run took longer than its {deadline.TotalSeconds:0.###} s."),
        Action: "Raise the agent's deadline, or give it less to do.");

    public static RuntimeError Guest(string message) => new(
        ReasonCodes.GuestError, ShortText.WithEllipsis(message, MaxGuestMessage));

    public static RuntimeError Internal() => new(
        ReasonCodes.Internal, "The platform failed while it executed the run.",
        Action: "Ask the operator to look at the log.");

    public static RuntimeError JournalFull(long most) => new(
        ReasonCodes.JournalFull,
        $"The run's events hold {most} characters, as many as they may, and the agent called again.",
        Action: "Look for a loop around a call, or let the agent do less in one run.");

    public static RuntimeError ModuleMissing(ModuleDigest module) => new(
        ReasonCodes.StorageFailed, "The agent's module is not in the store.", module.ToString(),
        "Deploy the agent again.");

    public static RuntimeError UnknownAgent(string project, string agent) => new(
        ReasonCodes.UnknownAgent, "The project has no agent of that name.", $"{project}/{agent}", "Deploy it first.");

    public static RuntimeError NoPolicy() => new(
        ReasonCodes.NoPolicy, "The tenant has no policy bundle, so its agents may do nothing.",
        Action: "Apply a bundle first.");

    public static RuntimeError NotInBundle(string agent) => new(
        ReasonCodes.AgentNotInBundle, "The tenant's bundle does not name the agent.", agent, "Add it to the bundle.");

    public static RuntimeError InputTooLarge(long bytes, ByteCount limit) => new(
        ReasonCodes.InputTooLarge, $"The input has {bytes} bytes; the agent takes {limit}.", "input");

    public static RuntimeError QueueFull(int waiting) => new(
        ReasonCodes.QueueFull, $"{waiting} runs already wait for a worker.", Action: "Try again later.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    };
}
