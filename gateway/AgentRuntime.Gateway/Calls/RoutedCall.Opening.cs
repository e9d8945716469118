using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <content>How a placement becomes a leg under way.</content>
internal sealed partial class RoutedCall
{
    /// <summary>
    /// Only a request that nobody has begun to answer, on one engine, is worth asking twice, and only once.
    /// </summary>
    private bool MayHedge(Placement placement) =>
        _parts.Options.HedgeAfter is not null && _attempts == 0 && !_released && placement.Prefill is null
        && AnotherServes(placement.Decode);

    private async Task<DecodeLeg> RaceAsync(Placement placement, CancellationToken cancellationToken)
    {
        var race = new HedgedStart(_parts, _retries, OpenAsync, _requestId);
        var won = await race.RunAsync(placement, _route, _home.Adapter, cancellationToken);
        _placement = won.Placement;
        foreach (var item in won.Ahead)
            _ahead.Enqueue(item);
        return won.Leg;
    }

    /// <summary>
    /// Whether some other engine could write the answer, or go on with what the client has of it: OpenAI's own chat API
    /// cannot do that, text completions can everywhere.
    /// </summary>
    private bool AnotherServes(Engine engine) => _parts.Pool.Engines.Any(e =>
        e != engine && e.Usable && (e.Descriptor.Roles & EngineRoles.Decode) != 0
        && e.Health.Models.ContainsKey(_request.Model)
        && (!_released || _request.Operation == InferenceOperation.Completion || e.Descriptor.Tokenizes));

    private async Task<DecodeLeg> OpenAsync(Placement placement, CancellationToken cancellationToken)
    {
        var decode = placement.Decode;
        if (!decode.Circuit.TryEnter())
            throw EngineFailure.LeftAlone(decode);

        _attempts++;
        var requestId = _attempts == 1 ? _requestId : $"{_requestId}-{_attempts}";
        var retain = placement.Assignment.RetainKvSeconds;
        PrefillLeg? prefill = null;
        TwinPrefill? twin = null;

        // Whoever drains this engine waits for the answer from here on, also while another one reads the prompt.
        var lease = decode.Enter();
        try
        {
            var by = _maySplit && placement.Prefill?.MovesKvTo(decode) == true ? placement.Prefill : null;
            if (by is { Descriptor.Kind: EngineKind.SgLang })
                twin = _opener.BeginTwin(by, requestId, retain, _maxTokens, cancellationToken);
            else if (by is not null)
                prefill = await _opener.TryPrefillAsync(by, decode, requestId, retain, cancellationToken);
            if (prefill is not null)
                _parts.Desk.PrefillDone(placement, (int?)prefill.Answer.Cached);
            else if (twin is null && placement.Prefill is not null)
                _parts.Desk.PrefillSkipped(placement);
        }
        catch
        {
            prefill?.Handoff.GiveUp();
            lease.Dispose();
            decode.Circuit.Abandoned();
            throw;
        }

        var chat = _request.Operation == InferenceOperation.Chat;
        var leg = await _opener.OpenAsync(
            lease,
            prefill,
            twin,
            requestId,
            retain,
            chat ? _maxTokens : (int)Math.Max(1, _maxTokens - _progress.Tokens),
            _released ? _progress.Text : null,
            cancellationToken);
        if (leg.ContinuedTokens is { } sent)
            _progress.CountEarlier(sent);
        return leg;
    }
}
