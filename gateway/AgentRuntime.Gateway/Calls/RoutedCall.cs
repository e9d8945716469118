using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// One request on its way through the router: attempts, the stream, its failures, its account. One reader drives it;
/// disposing it cancels whatever is still under way.
/// </summary>
internal sealed class RoutedCall : IAsyncDisposable
{
    private readonly RouterParts _parts;
    private readonly InferenceRequest _request;
    private readonly RequestTemplate _template;
    private readonly CallTelemetry _telemetry;
    private readonly LegOpener _opener;
    private readonly AnswerProgress _progress;
    private readonly string _requestId;
    private readonly List<Engine> _avoid = [];
    private readonly Queue<InferenceChunk> _ready = new();
    private readonly int _maxTokens;
    private bool _maySplit;
    private bool _released;
    private bool _ended;
    private int _attempts;
    private DecodeLeg? _leg;

    public RoutedCall(RouterParts parts, InferenceRequest request, RequestTemplate template)
    {
        _parts = parts;
        _request = request;
        _template = template;
        _telemetry = new CallTelemetry(request, parts.Time);
        _opener = new LegOpener(parts, request, template, _telemetry.Activity);
        _progress = new AnswerProgress(request, template);
        _requestId = Guid.CreateVersion7(parts.Time.GetUtcNow()).ToString("N", CultureInfo.InvariantCulture);
        _maxTokens = Math.Max(1, request.MaxOutputTokens / template.Choices);
        _maySplit = template.Choices == 1;
        parts.Retries.Deposit();
    }

    /// <summary>The next chunk; null after the last one.</summary>
    /// <exception cref="RuntimeErrorException">
    /// No engine could serve it, or one failed and none could go on.
    /// </exception>
    public async ValueTask<InferenceChunk?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                // Until an engine has shown that it generates, its chunks are held back: it may yet be replaced.
                if ((_released || _ended) && _ready.TryDequeue(out var chunk))
                    return chunk;

                if (_ended)
                    return null;

                await StepAsync(cancellationToken);
            }
        }
        catch (RuntimeErrorException e)
        {
            _telemetry.Failed(e.Error.Code);
            throw;
        }
        catch (OperationCanceledException)
        {
            _telemetry.Cancelled();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_leg is not null)
            await _leg.DisposeAsync();
        if (!_ended)
            _telemetry.Cancelled();
        _telemetry.Dispose();
    }

    private async ValueTask StepAsync(CancellationToken cancellationToken)
    {
        _leg ??= await BeginAsync(null, cancellationToken);
        (EngineChunk Chunk, ReadOnlyMemory<byte> Raw)? read;
        try
        {
            read = await _leg.Stream.NextAsync(cancellationToken);
        }
        catch (EngineFailure failure)
        {
            await ReplaceLegAsync(failure, cancellationToken);
            return;
        }

        if (read is not { } item)
        {
            Finish(_leg);
            return;
        }

        var first = !_progress.Begun;
        if (_progress.Take(item.Chunk, item.Raw) is not { } chunk)
            return;

        _ready.Enqueue(_ready.Count == 0 && !_released ? chunk with { ServedBy = _leg.ServedBy } : chunk);
        if (first && _progress.Begun)
            _telemetry.FirstToken();
        if (item.Chunk.HasToken)
            _leg.Succeeded();
        _released |= _progress.Begun || _progress.FinishReason is not null;
    }

    private void Finish(DecodeLeg leg)
    {
        leg.Succeeded();
        var usage = _progress.Usage(leg.PrefillCached);
        var account = _progress.EngineUsage;
        var timings = _telemetry.Completed(leg, usage, _progress) with
        {
            Prefill = leg.Prefill,
            KvTransfer = account?.KvTransferMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
            KvBytes = account?.KvBytes is { } bytes ? new ByteCount(bytes) : null,
        };
        _ready.Enqueue(new InferenceChunk
        {
            Raw = _progress.UsageChunk(usage),
            ServedBy = _released ? null : leg.ServedBy,
            Usage = usage,
            Timings = timings,
        });
        _ended = true;
    }

    private async Task<DecodeLeg> BeginAsync(EngineFailure? last, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (last is not null && (_attempts >= _parts.Options.MaxAttempts || !_parts.Retries.TryWithdraw()))
                throw Because(last);

            var query = new SelectionQuery(_request.Model, _template.PromptBytes, _maySplit, _avoid);
            var plan = _parts.Selection.Choose(query, _parts.Pool.Engines);
            if (plan is null || !TryEnter(plan.Decode))
                throw last is null ? NobodyServes() : Because(last);

            try
            {
                _attempts++;
                return await _opener.OpenAsync(
                    plan,
                    _attempts == 1 ? _requestId : $"{_requestId}-{_attempts}",
                    (int)Math.Max(1, _maxTokens - _progress.Tokens),
                    _released ? _progress.Text : null,
                    cancellationToken);
            }
            catch (EngineFailure failure)
            {
                Learn(failure, plan.Decode);
                last = failure;
            }
        }
    }

    private static bool TryEnter(Engine engine) => engine.Circuit.TryEnter();

    /// <summary>
    /// The stream broke: begin again when the client has seen nothing yet, or go on where it stopped.
    /// </summary>
    private async ValueTask ReplaceLegAsync(EngineFailure failure, CancellationToken cancellationToken)
    {
        var leg = _leg!;
        leg.Failed(failure);
        await leg.DisposeAsync();
        _leg = null;
        if (_released && !CanContinue(leg.Engine))
            throw DiedMidStream(failure, leg.Engine);

        if (!_released)
            _ready.Clear();
        Learn(failure, leg.Engine);
        _maySplit &= !_released;
        _progress.NextLeg();
        try
        {
            _leg = await BeginAsync(failure, cancellationToken);
        }
        catch (RuntimeErrorException) when (_released)
        {
            throw DiedMidStream(failure, leg.Engine);
        }

        if (_released)
            GatewayLog.StreamContinued(_parts.Logger, _requestId, leg.Engine.Name, _leg.Engine.Name, _progress.Tokens);
    }

    /// <summary>OpenAI's own chat API cannot go on after half an answer; text completions can everywhere.</summary>
    private bool CanContinue(Engine engine) =>
        _progress.Continuable && _progress.Tokens < _maxTokens
        && (_request.Operation == InferenceOperation.Completion || engine.Descriptor.MovesKv);

    private void Learn(EngineFailure failure, Engine engine)
    {
        GatewayLog.LegFailed(_parts.Logger, engine.Name, _requestId, failure.Error.ToString());
        if (failure.Kind == FailureKind.Refused)
            throw Because(failure);

        if (failure.Kind == FailureKind.KvTransfer)
            _maySplit = false;
        else
            _avoid.Add(engine);
    }

    private RuntimeErrorException NobodyServes()
    {
        var known = _parts.Pool.Engines.Any(e => e.Health.Models.ContainsKey(_request.Model));
        var down = !known && _parts.Pool.Engines.Any(e => !e.Health.Healthy);
        return new RuntimeErrorException(known || down
            ? new RuntimeError(
                ReasonCodes.NoEngine,
                $"no engine that serves '{_request.Model}' is healthy now",
                "model",
                "Try again shortly; the operator sees the engines' state in the log.")
            {
                RetryAfter = _parts.Options.ProbeInterval,
            }
            : new RuntimeError(
                ReasonCodes.UnknownModel,
                $"no engine serves a model '{_request.Model}'",
                "model",
                "GET /v1/models lists those that are served."));
    }

    private static RuntimeErrorException DiedMidStream(EngineFailure failure, Engine engine) => new(
        new RuntimeError(
            failure.Error.Code == ReasonCodes.EngineTimeout
                ? ReasonCodes.EngineTimeout
                : ReasonCodes.EngineDiedMidStream,
            "the engine went away in mid-stream, and no other could go on",
            engine.Name,
            "The answer so far is incomplete; send the request again."),
        failure);

    private static RuntimeErrorException Because(EngineFailure failure) => new(failure.Error, failure);
}
