using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// One request on its way through the router: its engines, the stream, its failures, its account. One reader drives
/// it; disposing it cancels whatever is still under way.
/// </summary>
internal sealed partial class RoutedCall : IAsyncDisposable
{
    // A chunk with the log probabilities of a token and twenty others has some 3 KiB.
    private const int BytesOfAToken = 16 << 10;

    private readonly RouterParts _parts;
    private readonly InferenceRequest _request;
    private readonly RequestTemplate _template;
    private readonly CallTelemetry _telemetry;
    private readonly RetryBudget _retries;
    private readonly LegOpener _opener;
    private readonly string _requestId;
    private readonly Queue<InferenceChunk> _ready = new();
    private readonly Queue<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> _ahead = new();
    private readonly int _maxTokens;
    private ModelHome _home;
    private RouteRequest _route;
    private AnswerProgress _progress;
    private bool _maySplit;
    private bool _released;
    private bool _ended;
    private bool _moved;
    private long _heldBytes;
    private long _bytes;
    private long _idleBytes;
    private int _choicesLeft;
    private int _attempts;
    private long _reported;
    private Placement? _placement;
    private DecodeLeg? _leg;

    public RoutedCall(RouterParts parts, InferenceRequest request, RequestTemplate template)
    {
        _parts = parts;
        _request = request;
        _template = template;
        _telemetry = new CallTelemetry(request, parts.Time);
        _retries = parts.Retries.Of(request.Identity.Tenant);
        _opener = new LegOpener(parts, request, template, _retries, _telemetry.Activity);
        _progress = new AnswerProgress(request, template);
        _requestId = RequestName.New("", parts.Time.GetUtcNow());
        _maxTokens = Math.Max(1, request.MaxOutputTokens / template.Choices);
        _maySplit = template.Choices == 1;
        _choicesLeft = template.Choices;
        _retries.Deposit();
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
            Leave(RouteFailure.EngineError);
            _telemetry.Failed(e.Error.Code);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_leg is not null)
            await _leg.DisposeAsync();
        Leave(RouteFailure.Cancelled);
        if (!_ended)
            _telemetry.Cancelled();
        _telemetry.Dispose();
    }

    private async ValueTask StepAsync(CancellationToken cancellationToken)
    {
        _leg ??= await BeginAsync(cancellationToken);
        (EngineChunk Chunk, ReadOnlyMemory<byte> Raw)? read;
        try
        {
            read = _ahead.TryDequeue(out var item0) ? item0 : await _leg.Stream.NextAsync(cancellationToken);
        }
        catch (EngineFailure failure)
        {
            await ReplaceLegAsync(failure, cancellationToken);
            return;
        }
        catch (OperationCanceledException)
            when (_leg.Twin?.Failure is not null && !cancellationToken.IsCancellationRequested)
        {
            await ReplaceLegAsync(_leg.Twin.Failure, cancellationToken);
            return;
        }

        if (read is not { } item)
        {
            // Without a choice it is no answer: a client would find nothing where its text should be.
            if (_progress.Id is null)
                await ReplaceLegAsync(EngineFailure.CutShort(_leg.Engine), cancellationToken);
            else
                Finish(_leg);
            return;
        }

        if ((_choicesLeft -= item.Chunk.Ended) <= 0)
            _leg.Stream.IsWhole();
        var first = !_progress.Begun;
        if (_progress.Take(item.Chunk, item.Raw) is not { } chunk)
        {
            if ((_idleBytes += item.Raw.Length) > _parts.Options.MaxChunkBytes)
                await ReplaceLegAsync(EngineFailure.TooLong(_leg.Engine), cancellationToken);
            return;
        }

        _bytes += chunk.Raw.Length;
        _ready.Enqueue(_ready.Count == 0 && !_released ? chunk with { ServedBy = _leg.ServedBy } : chunk);
        if (item.Chunk.HasToken && _leg.Succeeded())
            _parts.Desk.FirstToken(_placement!);
        if (first && _progress.Begun)
            _telemetry.FirstToken();
        _released |= _progress.Begun || _progress.FinishReason is not null;
        _heldBytes = _released ? 0 : _heldBytes + chunk.Raw.Length;

        // What is kept of an answer has a bound, whatever an engine sends.
        if (_heldBytes > _parts.Options.MaxChunkBytes || _progress.IsTooLong || IsTooLong)
            await ReplaceLegAsync(EngineFailure.TooLong(_leg.Engine), cancellationToken);
    }

    /// <summary>Whether more was sent than the tokens that were asked for can be, with all that is said of them.
    /// </summary>
    private bool IsTooLong =>
        _bytes > _parts.Options.MaxChunkBytes + ((long)BytesOfAToken * _request.MaxOutputTokens);

    private void Finish(DecodeLeg leg)
    {
        leg.Succeeded();
        var usage = _progress.Usage(leg.PrefillCached);
        var account = _progress.EngineUsage;
        _parts.Desk.Completed(_placement!, usage, leg.PrefillCached is not null || account is { CachedKnown: true });
        _placement = null;
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

    /// <summary>Waits for engines and opens the legs on them, on others while that fails.</summary>
    private async Task<DecodeLeg> BeginAsync(CancellationToken cancellationToken)
    {
        if (_placement is null)
        {
            if (!_parts.Desk.TryFind(_request.Model, out _home))
                throw NobodyServes();

            _route = await _parts.Requests.OfAsync(_home, _request, _template, _requestId, cancellationToken);
            _placement = await _parts.Desk.SubmitAsync(_route, _home.Adapter, cancellationToken);
        }

        while (true)
        {
            var placement = _placement;
            try
            {
                return MayHedge(placement)
                    ? await RaceAsync(placement, cancellationToken)
                    : await OpenAsync(placement, cancellationToken);
            }
            catch (EngineFailure failure)
            {
                await GoElsewhereAsync(failure, cancellationToken);
            }
        }
    }

    /// <summary>
    /// The stream broke: begin again when the client has seen nothing yet, or go on where it stopped.
    /// </summary>
    private async ValueTask ReplaceLegAsync(EngineFailure failure, CancellationToken cancellationToken)
    {
        var leg = _leg!;
        leg.Failed(failure);
        await leg.DisposeAsync();
        _leg = null;
        _ahead.Clear();
        _idleBytes = 0;
        if (_released && !(_progress.Continuable && _progress.Tokens < _maxTokens))
            throw DiedMidStream(failure, leg.Engine);

        if (_released)
        {
            _maySplit = false;
            _progress.NextLeg();
        }
        else
        {
            _ready.Clear();
            _heldBytes = _bytes = 0;
            _choicesLeft = _template.Choices;
            _progress = new AnswerProgress(_request, _template);
            _reported = 0;
        }

        try
        {
            await GoElsewhereAsync(failure, cancellationToken);
            _leg = await BeginAsync(cancellationToken);
        }
        catch (RuntimeErrorException) when (_released)
        {
            throw DiedMidStream(failure, leg.Engine);
        }

        if (_released)
            GatewayLog.StreamContinued(_parts.Logger, _requestId, leg.Engine.Name, _leg.Engine.Name, _progress.Tokens);
    }

    /// <summary>Decides what follows from a failure: another engine, the same one in another way, or the end.</summary>
    private async Task GoElsewhereAsync(EngineFailure failure, CancellationToken cancellationToken)
    {
        var placement = _placement!;
        var failed = failure.OfPrefill ? placement.Prefill! : placement.Decode;
        GatewayLog.LegFailed(_parts.Logger, failed.Name, _requestId, failure.Error.ToString());
        _parts.Desk.Observe(placement.Decode);
        if (placement.Prefill is not null)
            _parts.Desk.Observe(placement.Prefill);
        var sameAgain = failure.Kind == FailureKind.KvTransfer
            || (failure.IsWorthAskingAgain && !_moved && !_released && failed.Usable && !AnotherServes(failed));
        if (failure.Kind == FailureKind.Refused || _attempts >= _parts.Options.MaxAttempts
            || (!sameAgain && !AnotherServes(failed)) || !MayRetry(failure))
            throw Because(failure);

        if (sameAgain)
        {
            _maySplit = false;
            return;
        }

        _placement = null;
        var kind = failure switch
        {
            { OfPrefill: true } => RouteFailure.PrefillEngineDied,
            { Unreachable: true } => RouteFailure.DecodeEngineDied,
            _ => RouteFailure.EngineError,
        };
        _placement = await _parts.Desk.RequeueAsync(
            placement, kind, ReportTokens(), colocated: !_maySplit, cancellationToken);
    }

    /// <summary>
    /// A request whose connection was lost is worked on nowhere, so that moving it once multiplies no load, however
    /// many an engine had under way when it died; every other retry is paid for from the budget.
    /// </summary>
    private bool MayRetry(EngineFailure failure)
    {
        if (_moved || !failure.Lost)
            return _retries.TryWithdraw();

        return _moved = true;
    }

    private void Leave(RouteFailure failure)
    {
        if (_placement is { } placement)
            _parts.Desk.Failed(placement, failure, ReportTokens());
        _placement = null;
    }

    /// <summary>Tokens that the client has got and the desk has not been told of; told by this.</summary>
    private int ReportTokens()
    {
        var tokens = Math.Max(0, _progress.Tokens - _reported);
        _reported += tokens;
        return (int)tokens;
    }

    private RuntimeErrorException NobodyServes() => new(_parts.Pool.Engines.Any(e => !e.Health.Healthy)
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

    private static RuntimeErrorException DiedMidStream(EngineFailure failure, Engine engine)
    {
        const string Gone = "the engine went away in mid-stream, and no other could go on";
        var (code, message) = failure.Told
            ? (failure.Error.Code, failure.Error.Message)
            : (failure.Error.Code == ReasonCodes.EngineTimeout
                ? ReasonCodes.EngineTimeout
                : ReasonCodes.EngineDiedMidStream, Gone);
        return new(
            new RuntimeError(code, message, engine.Name, "The answer so far is incomplete; send the request again."),
            failure);
    }

    private static RuntimeErrorException Because(EngineFailure failure) => new(failure.Error, failure);
}
