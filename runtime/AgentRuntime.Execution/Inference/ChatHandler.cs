using System.Diagnostics;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Answers a guest's <c>inference.send</c>: policy decides about the model, the intent is written, the request runs,
/// the outcome is written. What goes wrong is an answer to the guest, not the end of its run. Thread-safe.
/// </summary>
internal sealed class ChatHandler(IInferenceRouter inference, TimeProvider time)
{
    /// <summary>UTF-16 units of a model's name that are kept: no model has a longer one.</summary>
    private const int MaxNameChars = 256;

    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    private readonly ConversationPace _pace = new();

    public async Task<HostCallResult> HandleAsync(
        RunContext run, int number, HostCall.Chat chat, CancellationToken cancellationToken)
    {
        var model = ShortText.WithEllipsis(chat.Options.Model ?? run.Agent.DefaultModel ?? "", MaxNameChars);
        var past = await run.History.FindAsync(number, cancellationToken).ConfigureAwait(false);
        if (past is not null && ChatReplay.Answer(run, number, model, past) is { } answer)
            return answer;
        if (model.Length == 0)
            return await RefuseAsync(run, number, model, NoModel(), cancellationToken).ConfigureAwait(false);
        var call = new PolicyCall(PolicyAction.UseModel, model, NoArguments, time.GetUtcNow());
        var (decision, record) = Decisions.Decide(run, number, call);
        if (Decisions.Refusal(decision) is { } refusal)
        {
            var refused = await RefuseAsync(run, number, model, refusal, cancellationToken).ConfigureAwait(false);
            return decision.EndsRun ? throw new RuntimeErrorException(refusal) : refused;
        }

        var outcome = CallOutcome.Failed;
        var spent = new RunMeter();
        try
        {
            var maxOutput = Math.Max(1, chat.Options.MaxOutputTokens ?? run.Agent.DefaultMaxOutputTokens);
            if (past is null)
                await run.Journal.AppendAsync(new ChatStarted(number, model, maxOutput), cancellationToken)
                    .ConfigureAwait(false);
            var response = await AskAsync(run, number, model, maxOutput, chat, spent, cancellationToken)
                .ConfigureAwait(false);
            outcome = CallOutcome.Succeeded;
            return new HostCallResult.Chat(response);
        }
        catch (RuntimeErrorException e) when (e.Error.Code != ReasonCodes.StorageFailed)
        {
            // 6xxx and "no such model" are said before anything is sent.
            if (e.Error.Code.Number / 1000 == 6 || e.Error.Code == ReasonCodes.UnknownModel)
                outcome = CallOutcome.NotSent;
            return await FailAsync(run, number, model, e.Error, outcome, spent, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            // However it ended: what an answer that broke off has cost is the run's as well.
            run.Meter.Add(spent.Usage, spent.Cost);
            run.Decisions.Settle(call, outcome);
            run.Records.Settle(run.Identity, record, outcome);
        }
    }

    /// <summary>The run asks no more.</summary>
    public void Ended(RunContext run)
    {
        if (run.LastAsked is not null && run.Identity.Agent is { } agent)
            _pace.Ended(agent);
    }

    private async Task<ChatResponse> AskAsync(
        RunContext run, int number, string model, int maxOutput, HostCall.Chat chat, RunMeter spent,
        CancellationToken cancellationToken)
    {
        var offered = chat.Options.Tools
            .Distinct(StringComparer.Ordinal)
            .Select(name => run.VisibleTools.GetValueOrDefault(name))
            .OfType<ToolDescriptor>()
            .ToList();
        var body = ChatRequestBody.Write(chat.Messages, chat.Options, maxOutput, offered);
        var started = time.GetTimestamp();
        var request = new InferenceRequest(run.Identity, model, InferenceOperation.Chat, body, maxOutput)
        {
            NextCallExpectedIn = NextCall(run, started),
            Settled = spent.Add,
        };
        var answer = new ChatAnswer(run.Agent.Limits.MaxStringBytes.Value);
        TimeSpan? firstToken = null;
        await foreach (var chunk in inference.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            if (chunk.Text.Length > 0 || chunk.ToolCalls.Count > 0)
                firstToken ??= time.GetElapsedTime(started);
            answer.Add(chunk);
        }
        var duration = time.GetElapsedTime(started);
        var calls = answer.ToolCalls(offered);
        await run.Journal.AppendAsync(
            new ChatCompleted(
                number,
                model,
                answer.Text,
                calls,
                answer.FinishReason,
                UsageResource.From(answer.Usage),
                answer.Cost.Value,
                (answer.Timings?.TimeToFirstToken ?? firstToken ?? duration).TotalMilliseconds,
                duration.TotalMilliseconds,
                answer.ServedBy?.PrefillEngine ?? "",
                answer.ServedBy?.DecodeEngine ?? "",
                answer.Timings?.KvTransfer?.TotalMilliseconds,
                answer.Timings?.KvBytes?.Value),
            cancellationToken).ConfigureAwait(false);
        return new ChatResponse(answer.Text, calls, answer.FinishReason, answer.Usage);
    }

    private TimeSpan? NextCall(RunContext run, long now)
    {
        TimeSpan? sinceLast = run.LastAsked is { } last ? time.GetElapsedTime(last, now) : null;
        run.LastAsked = now;
        return run.Identity.Agent is { } agent ? _pace.Asks(agent, sinceLast) : null;
    }

    private static Task<HostCallResult> RefuseAsync(
        RunContext run, int number, string model, RuntimeError error, CancellationToken cancellationToken) =>
        FailAsync(run, number, model, error, CallOutcome.NotSent, new RunMeter(), cancellationToken);

    private static async Task<HostCallResult> FailAsync(
        RunContext run, int number, string model, RuntimeError error, CallOutcome outcome, RunMeter spent,
        CancellationToken cancellationToken)
    {
        Activity.Current?.AddEvent(new ActivityEvent($"refused {error.Code}"));
        var failed = new ChatFailed(number, model, ErrorResource.From(error))
        {
            NotSent = outcome == CallOutcome.NotSent ? true : null,
        };
        if (spent.Usage != InferenceUsage.None)
            failed = failed with { Usage = UsageResource.From(spent.Usage), CostMicroUsd = spent.Cost.Value };
        await run.Journal.AppendAsync(failed, cancellationToken).ConfigureAwait(false);
        return new HostCallResult.Refused(error);
    }

    private static RuntimeError NoModel() => new(
        ReasonCodes.UnknownModel,
        "The chat names no model and the agent has no default model.",
        Action: "Name a model, or set the agent's default model in the bundle.");
}
