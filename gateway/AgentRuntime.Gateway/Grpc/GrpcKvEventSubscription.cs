using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.SgLang;
using AgentRuntime.Rpc.Vllm;
using Microsoft.Extensions.Logging;
using WireBatch = AgentRuntime.Rpc.Vllm.KvEventBatch;
using WireStored = AgentRuntime.Rpc.Vllm.KvBlocksStored;

namespace AgentRuntime.Gateway;

/// <summary>
/// Follows one engine's KV events over <c>SubscribeKvEvents</c>. As over ZeroMQ, one connection is one life of a
/// process: when the stream ends everything is forgotten, and the next one starts from 0; it asks ever less often where
/// nobody publishes, and says so once. One task runs it.
/// </summary>
internal sealed class GrpcKvEventSubscription(
    Engine engine, RouteDesk desk, EngineRouterOptions options, TimeProvider time, ILogger logger)
{
    private const int MaxBatchBytes = 16 << 20;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private TimeSpan _wait = FirstWait;
    private string? _lost;

    /// <summary>Follows until cancelled, or until the engine says that it publishes none.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var channel = new RpcChannel(
            GrpcEngineHandler.HttpAddress(engine.Descriptor.BaseAddress),
            new() { ConnectTimeout = options.ConnectTimeout, MaxReceiveBytes = MaxBatchBytes }, time);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (engine.Health.Healthy)
                    await FollowAsync(channel, cancellationToken);
            }
            catch (RpcException e)
            {
                if (e.Message != _lost)
                    GatewayLog.KvEventsLost(logger, engine.Name, e.Message);
                _lost = e.Message;
                if (e.Status.Code == RpcStatusCode.Unimplemented)
                    _wait = LongestWait;
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

    private async Task FollowAsync(RpcChannel channel, CancellationToken cancellationToken)
    {
        var method = engine.Descriptor.Kind == EngineKind.SgLang
            ? SglangScheduler.SubscribeKvEvents
            : VllmEngine.SubscribeKvEvents;
        await using var call = channel.ServerStreaming(method, new(), cancellationToken: cancellationToken);
        await call.HeadersAsync();
        GatewayLog.KvEventsFollowed(logger, engine.Name);
        desk.ForgetKv(engine);
        while (await call.ReadAsync() is { } wire)
        {
            (_wait, _lost) = (FirstWait, null);
            var batch = Read(wire);
            if (!desk.TakeKv(engine, wire.SequenceNumber, batch, KvArrival.Live).Taken)
                desk.TakeKv(engine, wire.SequenceNumber, batch, KvArrival.AfterLoss);
        }
    }

    private static KvEventBatch Read(WireBatch wire)
    {
        var events = new List<KvEvent>(wire.Events.Count);
        foreach (var e in wire.Events)
        {
            events.Add(e.DataCase switch
            {
                KvCacheEvent.DataOneofCase.Stored => Read(e.Stored),
                KvCacheEvent.DataOneofCase.Removed =>
                    new KvBlocksRemoved([.. e.Removed.BlockHashes.Select(h => unchecked((ulong)h))]),
                KvCacheEvent.DataOneofCase.Cleared => new KvBlocksCleared(),
                _ => new KvBlocksUnreadable(0),
            });
        }

        return new(events);
    }

    private static KvEvent Read(WireStored stored)
    {
        var size = stored.Blocks.Count == 0 ? 0 : stored.Blocks[0].BlockSize;
        // Blocks of unlike sizes, or without their tokens, have no keys that requests could meet.
        if (size <= 0 || stored.Blocks.Any(b => b.BlockSize != size || b.TokenIds.Count != size))
            return new KvBlocksUnreadable(stored.Blocks.Count);
        return new KvBlocksStored(
            [.. stored.Blocks.Select(b => unchecked((ulong)b.BlockHash))],
            stored.HasParentBlockHash ? unchecked((ulong)stored.ParentBlockHash) : null,
            [.. stored.Blocks.SelectMany(b => b.TokenIds).Select(t => unchecked((int)t))],
            size,
            stored.HasLoraName ? stored.LoraName : null,
            stored.HasCacheSalt ? stored.CacheSalt : null,
            Foreign: 0);
    }
}
