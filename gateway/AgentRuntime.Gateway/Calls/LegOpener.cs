using System.Buffers;
using System.Diagnostics;
using System.Net;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Opens the legs of one attempt: prefill on one engine and decode on another by <c>kv_transfer_params</c> (the
/// llm-d sidecar's protocol), or both on one. Stateless beyond its call.
/// </summary>
internal sealed class LegOpener(RouterParts parts, InferenceRequest request, RequestTemplate template, Activity? parent)
{
    private const int PrefillAttempts = 2;

    /// <param name="plan">The engines to use.</param>
    /// <param name="requestId">The same for both legs.</param>
    /// <param name="maxTokens">Tokens of each choice.</param>
    /// <param name="continueFrom">Text to go on after; null when starting afresh.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="EngineFailure">The decode engine failed, or the request is one that engines refuse.</exception>
    public async Task<DecodeLeg> OpenAsync(
        EnginePlan plan, string requestId, int maxTokens, string? continueFrom, CancellationToken cancellationToken)
    {
        PrefillAnswer? prefill = null;
        TimeSpan? took = null;
        if (plan.Prefill is { } engine)
        {
            var started = parts.Time.GetTimestamp();
            prefill = await TryPrefillAsync(engine, requestId, cancellationToken);
            took = prefill is null ? null : parts.Time.GetElapsedTime(started);
        }

        var prefillEngine = prefill is null ? plan.Decode : plan.Prefill!;
        var leg = Leg(plan.Decode, maxTokens) with { KvTransfer = prefill?.KvTransfer, ContinueFrom = continueFrom };
        var activity = Start("decode", plan.Decode);
        var lease = plan.Decode.Enter(LoadOf(maxTokens));
        try
        {
            var stream = await parts.Client.OpenAsync(
                plan.Decode, request.Operation, Write(leg), requestId, cancellationToken);
            return new DecodeLeg(stream, lease, activity)
            {
                ServedBy = new ServedBy(prefillEngine.Name, plan.Decode.Name),
                PrefillCached = prefill?.Cached,
                Prefill = took,
            };
        }
        catch (Exception e)
        {
            End(activity, e);
            lease.Dispose();
            (e as EngineFailure)?.CountAgainst(plan.Decode);
            if (e is not EngineFailure)
                plan.Decode.Circuit.Abandoned();
            throw;
        }
    }

    /// <summary>Null when the prompt is to be read by the decode engine after all.</summary>
    private async Task<PrefillAnswer?> TryPrefillAsync(
        Engine engine, string requestId, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= PrefillAttempts; attempt++)
        {
            if (!engine.Circuit.TryEnter())
                return null;

            var activity = Start("prefill", engine);
            using var lease = engine.Enter(LoadOf(0));
            try
            {
                var answer = await parts.Client.PrefillAsync(
                    engine,
                    request.Operation,
                    Write(Leg(engine, 1) with { Prefill = true }),
                    requestId,
                    cancellationToken);
                engine.Circuit.Succeeded();
                activity?.Dispose();
                return answer;
            }
            catch (EngineFailure failure)
            {
                End(activity, failure);
                failure.CountAgainst(engine);
                if (failure.Kind == FailureKind.Refused)
                    throw;

                GatewayLog.LegFailed(parts.Logger, engine.Name, requestId, failure.Error.ToString());
                var again = failure.Status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout;
                if (!again || attempt == PrefillAttempts || !parts.Retries.TryWithdraw())
                    return null;
            }
            catch (Exception e)
            {
                End(activity, e);
                engine.Circuit.Abandoned();
                throw;
            }
        }

        return null;
    }

    private LegBody Leg(Engine engine, int maxTokens) =>
        new(engine.Health.Models.GetValueOrDefault(request.Model)?.EngineName ?? request.Model, maxTokens)
        {
            CacheSalt = engine.Descriptor.MovesKv ? parts.Salt.Of(request.Identity.Tenant) : null,
        };

    private ReadOnlyMemory<byte> Write(LegBody leg)
    {
        var output = new ArrayBufferWriter<byte>(request.Body.Length + 512);
        template.Write(output, leg);
        return output.WrittenMemory;
    }

    // About four bytes make a token of English text; only the comparison between engines matters here.
    private long LoadOf(int outputTokens) => (template.PromptBytes / 4) + outputTokens;

    private Activity? Start(string name, Engine engine)
    {
        var activity = RuntimeTelemetry.Source.StartActivity(
            name, ActivityKind.Client, parent?.Context ?? Activity.Current?.Context ?? default);
        if (activity is null)
        {
            // Nobody samples our spans; the trace context of the request still travels to the engine.
            return null;
        }

        activity.SetTag("agentruntime.engine.name", engine.Name);
        activity.SetTag("gen_ai.provider.name", ProviderOf(engine.Descriptor.Kind));
        activity.SetTag("server.address", engine.Descriptor.BaseAddress.Host);
        activity.SetTag("server.port", engine.Descriptor.BaseAddress.Port);
        return activity;
    }

    private static void End(Activity? activity, Exception e)
    {
        activity?.SetTag("error.type", e is EngineFailure f ? f.Error.Code.ToString() : "cancelled");
        activity?.SetStatus(ActivityStatusCode.Error);
        activity?.Dispose();
    }

    public static string ProviderOf(EngineKind kind) => kind switch
    {
        EngineKind.Node => "agentruntime",
        EngineKind.Vllm => "vllm",
        _ => "openai",
    };
}
