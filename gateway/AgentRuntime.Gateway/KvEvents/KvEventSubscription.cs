using System.Buffers.Binary;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>
/// Follows one engine's KV events: listens, has what it missed replayed, and tells the desk. A connection is one life
/// of a process as far as anybody can tell: whenever it breaks everything is forgotten, and the next one begins with a
/// replay from 0. Nothing is queued here: what cannot be read stays with the publisher, whose queue is bounded, and
/// what that drops is a gap. Where nobody publishes it asks ever less often, and says so once. One task runs it.
/// </summary>
internal sealed class KvEventSubscription(
    Engine engine, RouteDesk desk, EngineRouterOptions options, TimeProvider time, ILogger logger)
{
    private const int MaxBatchBytes = 16 << 20;
    private const int MaxReplayedBatches = 20_000;
    private const ulong ReplayEnd = ulong.MaxValue;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReplayPause = TimeSpan.FromSeconds(30);
    private TimeSpan _wait = FirstWait;
    private string? _lost;
    private long? _replayFailedAt;

    /// <summary>Follows until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (engine.Health.Healthy && engine.KvEvents is { } endpoints)
                    await FollowAsync(endpoints, cancellationToken);
            }
            catch (Exception e) when (e is SocketException or IOException or InvalidDataException
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                if (e.Message != _lost)
                    GatewayLog.KvEventsLost(logger, engine.Name, e.Message);
                _lost = e.Message;
            }
            catch (OperationCanceledException)
            {
                break;
            }

            desk.ForgetKv(engine);
            await Task.Delay(_wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _wait = _wait * 2 < LongestWait ? _wait * 2 : LongestWait;
        }

        desk.ForgetKv(engine);
    }

    private async Task FollowAsync(KvEventEndpoints endpoints, CancellationToken cancellationToken)
    {
        await using var events = await ConnectAsync(endpoints.Publisher, "SUB", cancellationToken);
        await events.SubscribeAsync(endpoints.Topic, cancellationToken);
        GatewayLog.KvEventsFollowed(logger, engine.Name);
        _replayFailedAt = null;
        desk.ForgetKv(engine);
        await ReplayAsync(endpoints, from: 0, cancellationToken);
        while (true)
        {
            var frames = await events.ReceiveAsync(cancellationToken);
            if (frames.Count != 3 || frames[1].Length != sizeof(ulong))
                continue;

            (_wait, _lost) = (FirstWait, null);
            await TakeAsync(endpoints, Sequence(frames[1]), frames[2], cancellationToken);
        }
    }

    private async Task TakeAsync(
        KvEventEndpoints endpoints, ulong sequence, byte[] payload, CancellationToken cancellationToken)
    {
        var batch = Parse(payload);
        var outcome = desk.TakeKv(engine, sequence, batch, KvArrival.Live);
        if (outcome.Taken)
            return;

        await ReplayAsync(endpoints, outcome.Expected, cancellationToken);
        outcome = desk.TakeKv(engine, sequence, batch, KvArrival.Live);
        if (!outcome.Taken)
            desk.TakeKv(engine, sequence, batch, KvArrival.AfterLoss);
    }

    /// <summary>
    /// Has batches sent again and hands them on; what cannot be had is left for the next live batch to show as a gap.
    /// </summary>
    private async Task ReplayAsync(KvEventEndpoints endpoints, ulong from, CancellationToken cancellationToken)
    {
        if (endpoints.Replay is not { } address
            || (_replayFailedAt is { } failedAt && time.GetElapsedTime(failedAt) < ReplayPause))
            return;

        try
        {
            await using var replay = await ConnectAsync(address, "DEALER", cancellationToken);
            var start = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64BigEndian(start, from);
            await replay.SendAsync([[], start], cancellationToken);
            using var silence = new CancellationTokenSource(options.KvReplaySilence, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
            for (var count = 0; count < MaxReplayedBatches; count++)
            {
                // Newer publishers send the topic too; sequence and payload are the last two either way.
                var frames = await replay.ReceiveAsync(either.Token);
                silence.CancelAfter(options.KvReplaySilence);
                if (frames.Count < 3 || frames[^2].Length != sizeof(ulong))
                    throw new InvalidDataException("a replayed batch has another form");
                var sequence = Sequence(frames[^2]);
                if (sequence == ReplayEnd)
                    return;
                desk.TakeKv(engine, sequence, Parse(frames[^1]), KvArrival.Replayed);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A publisher that cannot replay must not be asked at every gap: the live events matter more.
            _replayFailedAt = time.GetTimestamp();
            GatewayLog.KvReplayFailed(logger, engine.Name, e.Message);
        }
    }

    private async Task<ZmtpConnection> ConnectAsync(Uri address, string type, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        return await ZmtpConnection.ConnectAsync(address, type, MaxBatchBytes, either.Token);
    }

    /// <summary>Null for bytes that are no batch: what they would have said is as good as lost.</summary>
    private KvEventBatch? Parse(byte[] payload)
    {
        try
        {
            return KvEventReader.Read(payload);
        }
        catch (InvalidDataException e)
        {
            GatewayLog.KvBatchUnreadable(logger, engine.Name, e.Message);
            return null;
        }
    }

    private static ulong Sequence(byte[] frame) => BinaryPrimitives.ReadUInt64BigEndian(frame);
}

/// <summary>How a batch came.</summary>
internal enum KvArrival : byte
{
    /// <summary>From the publisher.</summary>
    Live = 1,

    /// <summary>From the replay socket.</summary>
    Replayed = 2,

    /// <summary>From the publisher, and what is missing before it cannot be had.</summary>
    AfterLoss = 3,
}

/// <summary>What became of a batch.</summary>
/// <param name="Taken">Whether it was applied, or known already.</param>
/// <param name="Expected">Otherwise: from which one on batches are missing.</param>
internal readonly record struct KvOutcome(bool Taken, ulong Expected);
