using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// Starts a request on one engine, and on a second one when no token has come in time (Dean and Barroso, "The Tail at
/// Scale", CACM 2013). The first token wins; the other leg is cancelled before this returns, so that nothing of it runs
/// on or is charged. For one request.
/// </summary>
internal sealed class HedgedStart(
    RouterParts parts,
    RetryBudget retries,
    Func<Placement, CancellationToken, Task<DecodeLeg>> open,
    string requestId)
{
    /// <exception cref="EngineFailure">The first engine failed, and no other answered.</exception>
    public async Task<StartedLeg> RunAsync(
        Placement placement, RouteRequest request, string? adapter, CancellationToken cancellationToken)
    {
        await using var first = new Attempt(this, placement, cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var late = Task.Delay(parts.Options.HedgeAfter!.Value, parts.Time, patience.Token);
        if (await Task.WhenAny(first.Started, late) == first.Started
            || cancellationToken.IsCancellationRequested
            || TryPlaceBeside(placement, request, adapter) is not { } beside)
        {
            await patience.CancelAsync();
            return await first.TakeAsync();
        }

        GatewayLog.Hedged(parts.Logger, requestId, placement.Decode.Name, beside.Decode.Name);
        await using var second = new Attempt(this, beside, cancellationToken);
        var winner = await Task.WhenAny(first.Started, second.Started) == first.Started ? first : second;
        if (!winner.Started.IsCompletedSuccessfully)
            winner = winner == first ? second : first;
        try
        {
            var started = await winner.TakeAsync();
            var loser = winner == first ? second : first;
            await loser.DisposeAsync();
            parts.Desk.Failed(loser.Placement, RouteFailure.Superseded, outputTokens: 0);
            return started;
        }
        catch (Exception e) when (e is EngineFailure or OperationCanceledException)
        {
            // Both failed: the first engine's failure decides what follows, and the request stays with its placement.
            parts.Desk.Failed(beside, RouteFailure.Superseded, outputTokens: 0);
            return await first.TakeAsync();
        }
    }

    /// <summary>Another engine, when there is one at once and the budget has a retry left: only then it is spent.
    /// </summary>
    private Placement? TryPlaceBeside(Placement placement, in RouteRequest request, string? adapter)
    {
        if (!retries.TryWithdraw())
            return null;
        var beside = parts.Desk.TrySubmitBeside(placement, request, adapter);
        if (beside is null)
            retries.GiveBack();
        return beside;
    }

    /// <summary>One of the two legs. Disposing it before it was taken cancels it and waits for that.</summary>
    private sealed class Attempt : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop;
        private bool _taken;
        private bool _disposed;

        public Attempt(HedgedStart race, Placement placement, CancellationToken cancellationToken)
        {
            Placement = placement;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Started = StartAsync(race);
        }

        public Placement Placement { get; }

        public Task<StartedLeg> Started { get; }

        public async Task<StartedLeg> TakeAsync()
        {
            var started = await Started;
            _taken = true;
            return started;
        }

        public async ValueTask DisposeAsync()
        {
            if (_disposed)
                return;
            _disposed = true;
            if (!_taken)
            {
                await _stop.CancelAsync();
                if (await Task.WhenAny(Started) is { IsCompletedSuccessfully: true } started)
                    await started.Result.Leg.DisposeAsync();
                _ = Started.Exception;
                _stop.Dispose();
            }
        }

        private async Task<StartedLeg> StartAsync(HedgedStart race)
        {
            var leg = await race.OpenLegAsync(Placement, _stop);
            var ahead = new List<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?>();
            try
            {
                while (true)
                {
                    var read = await leg.Stream.NextAsync(_stop.Token);
                    ahead.Add(read is { } item ? (item.Chunk, item.Raw.ToArray()) : null);
                    if (read is not { Chunk: { HasToken: false, FinishReason: null } })
                        return new(Placement, leg, ahead);
                }
            }
            catch (Exception e)
            {
                if (e is EngineFailure failure)
                    leg.Failed(failure);
                await leg.DisposeAsync();
                throw;
            }
        }
    }

    private Task<DecodeLeg> OpenLegAsync(Placement placement, CancellationTokenSource stop) =>
        open(placement, stop.Token);
}

/// <summary>A leg that has begun to answer. Immutable.</summary>
/// <param name="Placement">Its engine.</param>
/// <param name="Leg">The leg.</param>
/// <param name="Ahead">What has been read of it.</param>
internal sealed record StartedLeg(
    Placement Placement, DecodeLeg Leg, IReadOnlyList<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> Ahead);
