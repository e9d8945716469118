using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Opens the legs of one attempt: prefill on one engine and decode on another by <c>kv_transfer_params</c> (the
/// llm-d sidecar's protocol), or both on one. Stateless beyond its call.
/// </summary>
internal sealed class LegOpener(
    RouterParts parts, InferenceRequest request, RequestTemplate template, RetryBudget retries, Activity? parent)
{
    private const int PrefillAttempts = 2;

    /// <param name="lease">Of the engine that writes the answer; given back with the leg, or when this fails.</param>
    /// <param name="prefill">The leg that read the prompt; null when that engine is to.</param>
    /// <param name="twin">The leg that reads the prompt at the same time (SGLang); null when there is none.</param>
    /// <param name="requestId">The same for both legs.</param>
    /// <param name="retain">Seconds for which KV state is wanted afterwards; 0 for no wish.</param>
    /// <param name="maxTokens">Tokens of each choice.</param>
    /// <param name="continueFrom">Text to go on after; null when starting afresh.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="EngineFailure">The decode engine failed, or the request is one that engines refuse.</exception>
    public async Task<DecodeLeg> OpenAsync(
        Engine.Lease lease,
        PrefillLeg? prefill,
        TwinPrefill? twin,
        string requestId,
        double retain,
        int maxTokens,
        string? continueFrom,
        CancellationToken cancellationToken)
    {
        var decode = lease.Engine;
        Activity? activity = null;
        try
        {
            activity = Start("decode", decode);
            var leg = Leg(decode, maxTokens, requestId, retain) with { KvTransfer = prefill?.Answer.KvTransfer };
            if (twin is not null)
                leg = leg with { Bootstrap = twin.Bootstrap };
            int? sent = null;
            if (continueFrom is not null)
                (leg, sent) = await ContinueAsync(decode, leg, continueFrom, requestId, cancellationToken);
            var stream = await parts.Client.OpenAsync(
                decode,
                request.Operation,
                Write(leg),
                requestId,
                textForChat: leg.Continued?.Tokens is not null,
                twin?.Token ?? cancellationToken);
            return new DecodeLeg(stream, lease, activity)
            {
                Tenant = request.Identity.Tenant,
                ServedBy = new ServedBy((twin?.Engine ?? prefill?.Engine ?? decode).Name, decode.Name),
                Twin = twin,
                Handoff = prefill?.Handoff,
                ContinuedTokens = sent,
                PrefillCached = prefill?.Answer.Cached,
                Prefill = prefill?.Took,
            };
        }
        catch (OperationCanceledException e)
            when (twin?.Failure is not null && !cancellationToken.IsCancellationRequested)
        {
            End(activity, e);
            lease.Dispose();
            decode.Circuit.Abandoned();
            await twin.DisposeAsync();
            throw twin.Failure;
        }
        catch (Exception e)
        {
            End(activity, e);
            prefill?.Handoff.GiveUp();
            lease.Dispose();
            (e as EngineFailure)?.CountAgainst(decode, request.Identity.Tenant);
            if (e is not EngineFailure)
                decode.Circuit.Abandoned();
            if (twin is not null)
                await twin.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Asks an SGLang engine to read the prompt for another one, which is to be asked at the same time.
    /// </summary>
    public TwinPrefill BeginTwin(
        Engine engine, string requestId, double retain, int maxTokens, CancellationToken cancellationToken)
    {
        var bootstrap = new Bootstrap(
            engine.Descriptor.BaseAddress.Host,
            engine.Descriptor.BootstrapPort,
            BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue);
        return TwinPrefill.Begin(
            parts.Client,
            engine,
            request.Identity.Tenant,
            request.Operation,
            Write(Leg(engine, maxTokens, requestId, retain) with { Bootstrap = bootstrap }),
            bootstrap,
            requestId,
            cancellationToken);
    }

    /// <summary>
    /// Has the prompt read; null when the decode engine is to read it after all. Whoever gets the leg ends its
    /// <see cref="PrefillLeg.Handoff"/>.
    /// </summary>
    /// <exception cref="EngineFailure">The request is one that engines refuse.</exception>
    public async Task<PrefillLeg?> TryPrefillAsync(
        Engine engine, Engine decode, string requestId, double retain, CancellationToken cancellationToken)
    {
        // Only our nodes tell one another; a node behind gRPC is read from when its request comes.
        var decodeAt = engine.Descriptor.Kind == EngineKind.Node && decode.Descriptor.Kind == EngineKind.Node
            && decode.Descriptor.BaseAddress.Scheme == Uri.UriSchemeHttp
                ? decode.Descriptor.BaseAddress
                : null;
        var started = parts.Time.GetTimestamp();
        for (var attempt = 1; attempt <= PrefillAttempts; attempt++)
        {
            if (!engine.Circuit.TryEnter())
                return null;

            var activity = Start("prefill", engine);
            var handoff = new KvHandoff(parts.Releases, engine.Enter(), decodeAt is null ? null : decode);
            try
            {
                var answer = await parts.Client.PrefillAsync(
                    engine,
                    request.Operation,
                    Write(Leg(engine, 1, requestId, retain) with
                    {
                        Prefill = true, DecodeAt = decodeAt, KvId = handoff.Id,
                    }),
                    requestId,
                    cancellationToken);
                engine.Circuit.Succeeded(request.Identity.Tenant);
                engine.HasRead(withKv: answer is not null);
                activity?.Dispose();
                if (answer is null)
                {
                    handoff.End();
                    GatewayLog.NoKvMoved(parts.Logger, engine.Name, requestId);
                    parts.Desk.Observe(engine);
                    return null;
                }

                handoff.Answered(answer.KvId);
                return new PrefillLeg(engine, answer, parts.Time.GetElapsedTime(started), handoff);
            }
            catch (EngineFailure failure)
            {
                End(activity, failure);

                // One that refuses holds nothing; where another one got to nobody knows.
                if (failure.Status is not null || failure.Unreachable)
                    handoff.End();
                else
                    handoff.GiveUp();
                failure.CountAgainst(engine, request.Identity.Tenant);
                if (failure.Kind == FailureKind.Refused)
                    throw;

                GatewayLog.LegFailed(parts.Logger, engine.Name, requestId, failure.Error.ToString());
                var again = failure.Status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout;
                if (!again || attempt == PrefillAttempts || !retries.TryWithdraw())
                    return null;
            }
            catch (Exception e)
            {
                End(activity, e);
                handoff.GiveUp();
                engine.Circuit.Abandoned();
                throw;
            }
        }

        return null;
    }

    /// <summary>
    /// Makes a chat go on as a text completion from the tokens of its prompt and of what was sent: chat templates
    /// cannot be trusted to leave half an answer open (they trim it, or end its turn).
    /// </summary>
    private async Task<(LegBody Leg, int? SentTokens)> ContinueAsync(
        Engine engine, LegBody leg, string sent, string requestId, CancellationToken cancellationToken)
    {
        if (request.Operation == InferenceOperation.Completion)
        {
            // What may still come is what the client allows without what it has got.
            var got = Math.Max(0, request.MaxOutputTokens - leg.MaxTokens);
            return (leg with { Continued = new ContinuedPrompt(null, sent, got) }, null);
        }

        if (!engine.Descriptor.Tokenizes)
            throw EngineFailure.CannotContinue(engine);
        var chat = new ArrayBufferWriter<byte>(request.Body.Length + 128);
        template.WriteTokenize(chat, leg.Model);
        var prompt = await TokenizeAsync(engine, chat.WrittenMemory, requestId, cancellationToken);
        var answer = await TokenizeAsync(engine, TokenizeText(leg.Model, sent), requestId, cancellationToken);
        return (leg with
        {
            MaxTokens = Math.Max(1, leg.MaxTokens - answer.Length),
            Continued = new ContinuedPrompt([.. prompt, .. answer], null, answer.Length),
        }, answer.Length);
    }

    private async Task<int[]> TokenizeAsync(
        Engine engine, ReadOnlyMemory<byte> body, string requestId, CancellationToken cancellationToken)
    {
        try
        {
            return await parts.Client.TokenizeAsync(engine, body, requestId, cancellationToken);
        }
        catch (EngineFailure failure) when (failure.Status
            is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
        {
            // An engine without /tokenize, or one behind something that lets it through to nobody, is not broken.
            throw EngineFailure.CannotContinue(engine, failure);
        }
    }

    private static ReadOnlyMemory<byte> TokenizeText(string model, string text)
    {
        var output = new ArrayBufferWriter<byte>(text.Length + 128);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("model"u8, model);
            json.WriteString("prompt"u8, text);
            json.WriteBoolean("add_special_tokens"u8, false);
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    private LegBody Leg(Engine engine, int maxTokens, string requestId, double retain) =>
        new(engine.Health.Models.GetValueOrDefault(request.Model)?.EngineName ?? request.Model, maxTokens)
        {
            CacheSalt = engine.Descriptor.Salts ? parts.Salt.Of(request.Identity.Tenant) : null,
            Retain = retain > 0 && engine.Descriptor.TakesKvHints ? new(requestId, retain) : null,
        };

    private ReadOnlyMemory<byte> Write(LegBody leg)
    {
        var output = new ArrayBufferWriter<byte>(request.Body.Length + 512);
        template.Write(output, leg);
        return output.WrittenMemory;
    }

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
        EngineKind.SgLang => "sglang",
        _ => "openai",
    };
}

/// <summary>A prefill leg that has ended well. Immutable.</summary>
internal sealed record PrefillLeg(Engine Engine, PrefillAnswer Answer, TimeSpan Took, KvHandoff Handoff);
