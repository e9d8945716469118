using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <content>What engines say of their KV caches.</content>
internal sealed partial class RouteDesk
{
    private readonly Dictionary<Engine, Feed> _feeds = [];

    /// <summary>
    /// Takes in a batch, or says what is missing before it. Atomic: its sequence is judged and used at once.
    /// </summary>
    /// <param name="engine">Who says it.</param>
    /// <param name="sequence">The batch's number.</param>
    /// <param name="batch">The batch; null when it could not be read.</param>
    /// <param name="arrival">How it came.</param>
    public KvOutcome TakeKv(Engine engine, ulong sequence, KvEventBatch? batch, KvArrival arrival)
    {
        lock (_lock)
        {
            if (FeedOf(engine) is not { } feed)
                return new(true, 0);

            var events = feed.Events;
            if (arrival == KvArrival.AfterLoss || (arrival == KvArrival.Replayed && sequence > events.NextSequence))
                events.GapIsLost(sequence, Now);
            var verdict = events.Judge(sequence, arrival == KvArrival.Replayed);
            if (verdict == FeedVerdict.Restarted && sequence > 0)
                verdict = FeedVerdict.Gap;
            if (verdict == FeedVerdict.Gap)
                return new(false, events.NextSequence);
            if (verdict == FeedVerdict.Duplicate)
                return new(true, 0);

            if (batch is null)
                events.GapIsLost(sequence + 1, Now);
            else
                feed.Apply(batch, _places.GetValueOrDefault((engine, feed.Model))?.Model);
            SetSource(feed);
            return new(true, 0);
        }
    }

    /// <summary>
    /// The engine's process may have been replaced, or what it says cannot be heard: nothing is known.
    /// </summary>
    public void ForgetKv(Engine engine)
    {
        lock (_lock)
        {
            if (!_feeds.TryGetValue(engine, out var feed))
                return;
            feed.Events.Restarted();
            SetSource(feed);
        }
    }

    /// <summary>The engine's process is another one than before.</summary>
    public void EngineRestarted(Engine engine)
    {
        lock (_lock)
        {
            foreach (var (key, placed) in _places)
            {
                if (key.Engine == engine)
                {
                    _core.EngineRestarted(placed.Ref);
                    if (engine.Descriptor.Kind == EngineKind.Node)
                        _core.ReportLoras(placed.Ref, placed.Model.Adapters.Select(a => a.Name));
                }
            }

            if (_feeds.TryGetValue(engine, out var feed))
                feed.Events.Restarted();
        }
    }

    /// <summary>Blocks that the index believes the engine to hold, over its models; for tests and status.</summary>
    public int HeldBy(Engine engine)
    {
        lock (_lock)
        {
            return _places.Where(p => p.Key.Engine == engine)
                .Sum(p => _core.IndexOf(p.Value.Ref.Pool).HeldBy(p.Value.Ref.Index));
        }
    }

    /// <summary>
    /// Blocks of the engine's events that could not be matched with keys of requests; for tests and status.
    /// </summary>
    public long UncorrelatedOf(Engine engine)
    {
        lock (_lock)
            return _feeds.TryGetValue(engine, out var feed) ? feed.Events.Uncorrelated + feed.Left : 0;
    }

    /// <summary>Whether the engine's cache is known from its own events; for tests and status.</summary>
    public bool IsHeardFrom(Engine engine)
    {
        lock (_lock)
            return _feeds.TryGetValue(engine, out var feed) && feed.Events.BlockCount > 0;
    }

    /// <summary>
    /// The lock is held. An engine is taken at its own word once a block of it has met the keys that requests have:
    /// events that never meet them (no salt, text keys) must not keep responses from being believed.
    /// </summary>
    private void SetSource(Feed feed) => _core.SetKvSource(
        feed.Ref,
        feed.Events.BlockCount > 0 && _options.PromptKeysOf(feed.Model) != PromptKeys.Text
            ? KvSource.Events
            : KvSource.Responses);

    /// <summary>
    /// The lock is held. An engine's events are those of the model that it serves and of the adapters of that.
    /// </summary>
    private Feed? FeedOf(Engine engine)
    {
        if (_feeds.TryGetValue(engine, out var feed))
            return feed;
        foreach (var (key, placed) in _places)
        {
            if (key.Engine == engine)
                return _feeds[engine] = new Feed(placed.Ref, key.Base, _core.OpenFeed(placed.Ref));
        }

        return null;
    }

    private sealed class Feed(EngineRef reference, string model, KvEventFeed events)
    {
        public EngineRef Ref => reference;

        public string Model => model;

        public KvEventFeed Events => events;

        /// <summary>Blocks left out before the feed saw them.</summary>
        public long Left { get; private set; }

        /// <param name="batch">What the engine says.</param>
        /// <param name="served">What it serves, by which names.</param>
        public void Apply(KvEventBatch batch, ServedBase? served)
        {
            foreach (var e in batch.Events)
            {
                switch (e)
                {
                    case KvBlocksStored { Parent: null, Salt: null } unsalted:
                        // Every request that goes through here is salted: none could ever meet these.
                        Left += unsalted.Hashes.Length;
                        break;
                    case KvBlocksStored stored:
                        Left += stored.Foreign;
                        events.Stored(
                            stored.Hashes.AsSpan(0, stored.Hashes.Length - stored.Foreign),
                            stored.Parent,
                            stored.Tokens,
                            stored.BlockTokens,
                            BlockScope.Create(
                                stored.Salt ?? "",
                                stored.Lora is { } lora ? served?.NameOf(lora) ?? lora : null));
                        break;
                    case KvBlocksRemoved removed:
                        events.Removed(removed.Hashes);
                        break;
                    case KvBlocksCleared:
                        events.Cleared();
                        break;
                    case KvBlocksUnreadable unreadable:
                        Left += unreadable.Blocks;
                        break;
                }
            }
        }
    }
}
