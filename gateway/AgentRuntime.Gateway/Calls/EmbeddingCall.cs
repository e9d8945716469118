using System.Net;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// One embeddings request: the least loaded engine that has embeddings of the model, another one when that fails.
/// Embeddings neither read nor leave a KV cache and have no stream, so that the routing core has nothing to weigh
/// (decision 0404); engines that say they have none are not asked again.
/// </summary>
internal sealed class EmbeddingCall(RouterParts parts, InferenceRequest request)
{
    private readonly RetryBudget _retries = parts.Retries.Of(request.Identity.Tenant);
    private readonly string _requestId = RequestName.New("", parts.Time.GetUtcNow());

    /// <exception cref="RuntimeErrorException">AR1008, AR4001, AR4002, AR4005 to AR4009.</exception>
    public async Task<InferenceChunk> RunAsync(CancellationToken cancellationToken)
    {
        using var telemetry = new CallTelemetry(request, parts.Time);
        _retries.Deposit();
        try
        {
            var tried = new List<Engine>();
            for (var again = false; ;)
            {
                var engine = Choose(tried);
                tried.Add(engine);
                try
                {
                    return await AskAsync(engine, telemetry, cancellationToken);
                }
                catch (EngineFailure failure)
                {
                    Learn(engine, failure);
                    if (failure.Kind == FailureKind.Refused && !LacksEmbeddings(failure))
                        throw new RuntimeErrorException(failure.Error, failure);
                    if (LacksEmbeddings(failure))
                        continue;
                    if (failure.IsWorthAskingAgain && !again && engine.Usable && !AnyLeft(tried))
                    {
                        again = tried.Remove(engine);
                        continue;
                    }

                    if (tried.Count >= parts.Options.MaxAttempts || !_retries.TryWithdraw() || !AnyLeft(tried))
                        throw new RuntimeErrorException(failure.Error, failure);
                }
            }
        }
        catch (RuntimeErrorException e)
        {
            telemetry.Failed(e.Error.Code);
            throw;
        }
        catch (OperationCanceledException)
        {
            telemetry.Cancelled();
            throw;
        }
    }

    private async Task<InferenceChunk> AskAsync(
        Engine engine, CallTelemetry telemetry, CancellationToken cancellationToken)
    {
        if (!engine.Circuit.TryEnter())
            throw EngineFailure.LeftAlone(engine);
        using var lease = engine.Enter();
        try
        {
            var name = engine.Health.Models.GetValueOrDefault(request.Model)?.EngineName ?? request.Model;
            var (body, base64) = EmbeddingBody.Write(request.Body, name);
            var answer = await parts.Client.EmbedAsync(engine, body, _requestId, cancellationToken);
            var (list, tokens) = EmbeddingBody.Rewrite(answer, request.Model, base64);
            engine.Circuit.Succeeded(request.Identity.Tenant);

            // As with answers: an engine that gives no account is charged at the bound that was reserved, none at more.
            var most = request.PromptTokensAtMost.Value;
            var usage = new InferenceUsage(new TokenCount(Math.Min(tokens ?? most, most)), default, default);
            var servedBy = new ServedBy(engine.Name, engine.Name);
            return new InferenceChunk
            {
                Raw = list,
                ServedBy = servedBy,
                Usage = usage,
                Timings = telemetry.Completed(engine, servedBy, usage, responseId: null, finishReason: null),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw EngineFailure.Malformed(engine, e);
        }
        catch (OperationCanceledException)
        {
            engine.Circuit.Abandoned();
            throw;
        }
    }

    private Engine Choose(List<Engine> tried)
    {
        var candidates = parts.Pool.Engines.Where(e => e.Usable && e.MayEmbed(request.Model) && !tried.Contains(e));
        if (candidates.MinBy(e => e.InFlight) is { } engine)
        {
            return engine.InFlight < engine.Descriptor.MaxRunning
                ? engine
                : throw Refused(new(ReasonCodes.Saturated, "every engine of the model is full", "model"));
        }

        var serving = parts.Pool.Engines.Where(e => e.Health.Models.ContainsKey(request.Model)).ToArray();
        throw Refused(serving.Any(e => e.MayEmbed(request.Model))
            ? new(ReasonCodes.NoEngine, $"no engine with embeddings of '{request.Model}' is healthy now", "model")
            : new(
                ReasonCodes.UnknownModel,
                serving.Length == 0
                    ? $"no engine serves a model '{request.Model}'"
                    : $"no engine has embeddings of '{request.Model}'",
                "model",
                "GET /v1/models lists the models that are served."));
    }

    private bool AnyLeft(List<Engine> tried) =>
        parts.Pool.Engines.Any(e => e.Usable && e.MayEmbed(request.Model) && !tried.Contains(e));

    private void Learn(Engine engine, EngineFailure failure)
    {
        if (LacksEmbeddings(failure))
        {
            engine.Circuit.Abandoned();
            engine.HasNoEmbeddings(request.Model);
            return;
        }

        failure.CountAgainst(engine, request.Identity.Tenant);
        GatewayLog.LegFailed(parts.Logger, engine.Name, _requestId, failure.Error.ToString());
    }

    /// <summary>
    /// vLLM leaves the address out for models that only generate; others answer that they do not support it.
    /// </summary>
    private static bool LacksEmbeddings(EngineFailure failure) =>
        failure.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented
        || (failure.Kind == FailureKind.Refused
            && failure.Error.Message.Contains("does not support Embeddings", StringComparison.OrdinalIgnoreCase));

    private static RuntimeErrorException Refused(RuntimeError error) =>
        new(error with { RetryAfter = error.Code == ReasonCodes.UnknownModel ? null : TimeSpan.FromSeconds(1) });
}
