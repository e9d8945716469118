using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>Answers a chat from the journal. Stateless.</summary>
internal static class ChatReplay
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <summary>
    /// The recorded answer; null when the chat was started and its end is not known: asking a model again has no side
    /// effect but its price.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR7002: the agent asks for something else than it did.</exception>
    public static HostCallResult? Answer(RunContext run, int number, string model, RecordedCall past)
    {
        var recorded = past.ChatCompleted?.Model ?? past.ChatFailed?.Model ?? past.ChatStarted?.Model;
        if (recorded != model)
            throw new RuntimeErrorException(RunErrors.Diverged(number));
        if (past.ChatCompleted is { } done)
        {
            Remember(run, model, past, CallOutcome.Succeeded);
            return new HostCallResult.Chat(
                new ChatResponse(done.Content, done.ToolCalls, done.FinishReason, done.Usage.ToUsage()));
        }
        if (past.ChatFailed is { } failed)
        {
            Remember(run, model, past, failed.NotSent == true ? CallOutcome.NotSent : CallOutcome.Failed);
            return new HostCallResult.Refused(failed.Error.ToError());
        }
        return null;
    }

    /// <summary>Rules look at the run's history, so the decision point is told of the call again.</summary>
    private static void Remember(RunContext run, string model, RecordedCall past, CallOutcome outcome)
    {
        var call = new PolicyCall(PolicyAction.UseModel, model, NoArguments, past.At) { IsReplay = true };
        if (run.Decisions.Decide(call).Verdict == Verdict.Allow)
            run.Decisions.Settle(call, outcome);
    }
}
