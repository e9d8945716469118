using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// The span and the metrics of one call, after the OpenTelemetry GenAI conventions. One call owns it; the outcome is
/// recorded once.
/// </summary>
internal sealed class CallTelemetry : IDisposable
{
    private readonly InferenceRequest _request;
    private readonly TimeProvider _time;
    private readonly long _started;
    private long _firstToken;
    private bool _recorded;

    public CallTelemetry(InferenceRequest request, TimeProvider time)
    {
        _request = request;
        _time = time;
        _started = time.GetTimestamp();
        if (!RuntimeTelemetry.Source.HasListeners())
            return;

        Activity = RuntimeTelemetry.Source.StartActivity($"{Operation} {request.Model}", ActivityKind.Client);
        Activity?.SetTag("gen_ai.operation.name", Operation);
        Activity?.SetTag("gen_ai.request.model", request.Model);
        Activity?.SetTag("gen_ai.request.max_tokens", request.MaxOutputTokens);
        Activity?.SetTag("agentruntime.tenant.id", request.Identity.Tenant.ToString());
    }

    public Activity? Activity { get; }

    private string Operation => _request.Operation switch
    {
        InferenceOperation.Chat => "chat",
        InferenceOperation.Embedding => "embeddings",
        _ => "text_completion",
    };

    public void FirstToken() => _firstToken = _time.GetTimestamp();

    public InferenceTimings Completed(DecodeLeg leg, InferenceUsage usage, AnswerProgress progress) =>
        Completed(leg.Engine, leg.ServedBy, usage, progress.Id, progress.FinishReason);

    public InferenceTimings Completed(
        Engine engine, ServedBy servedBy, InferenceUsage usage, string? responseId, string? finishReason)
    {
        _recorded = true;
        var now = _time.GetTimestamp();
        var total = _time.GetElapsedTime(_started, now);
        var first = _firstToken == 0 ? total : _time.GetElapsedTime(_started, _firstToken);
        var provider = LegOpener.ProviderOf(engine.Descriptor.Kind);
        var tags = Tags(provider);
        RuntimeTelemetry.OperationDuration.Record(total.TotalSeconds, tags);
        RuntimeTelemetry.TimeToFirstToken.Record(first.TotalSeconds, tags);
        if (usage.Output.Value > 1)
            RuntimeTelemetry.TimePerOutputToken.Record((total - first).TotalSeconds / (usage.Output.Value - 1), tags);

        tags.Add("gen_ai.token.type", "input");
        RuntimeTelemetry.TokenUsage.Record(usage.Prompt.Value, tags);
        tags = Tags(provider);
        tags.Add("gen_ai.token.type", "output");
        RuntimeTelemetry.TokenUsage.Record(usage.Output.Value, tags);

        if (Activity is { } span)
        {
            span.SetTag("gen_ai.provider.name", provider);
            span.SetTag("gen_ai.response.id", responseId);
            span.SetTag("gen_ai.response.model", _request.Model);
            if (finishReason is { } reason)
                span.SetTag("gen_ai.response.finish_reasons", new[] { reason });
            span.SetTag("gen_ai.usage.input_tokens", usage.Prompt.Value);
            span.SetTag("gen_ai.usage.output_tokens", usage.Output.Value);
            span.SetTag("gen_ai.usage.cache_read.input_tokens", usage.CachedPrompt.Value);
            span.SetTag("agentruntime.prefill.engine", servedBy.PrefillEngine);
            span.SetTag("agentruntime.decode.engine", servedBy.DecodeEngine);
            span.SetTag("agentruntime.time_to_first_token_ms", first.TotalMilliseconds);
        }

        return new InferenceTimings(first, total);
    }

    public void Failed(ReasonCode code) => Record(code.ToString(), ActivityStatusCode.Error);

    public void Cancelled() => Record("cancelled", ActivityStatusCode.Unset);

    public void Dispose() => Activity?.Dispose();

    private void Record(string error, ActivityStatusCode status)
    {
        if (_recorded)
            return;

        _recorded = true;

        // A model that nobody serves is whatever text the client sent: never a label.
        var tags = error == ReasonCodes.UnknownModel.ToString()
            ? new TagList { { "gen_ai.operation.name", Operation } }
            : Tags(null);
        tags.Add("error.type", error);
        RuntimeTelemetry.OperationDuration.Record(_time.GetElapsedTime(_started).TotalSeconds, tags);
        Activity?.SetTag("error.type", error);
        Activity?.SetStatus(status, error);
    }

    private TagList Tags(string? provider)
    {
        var tags = new TagList
        {
            { "gen_ai.operation.name", Operation },
            { "gen_ai.request.model", _request.Model },
        };
        if (provider is not null)
            tags.Add("gen_ai.provider.name", provider);
        return tags;
    }
}
