using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// A transport's links, a bounded number. Where there is no room, the one that was used longest ago and that nobody
/// uses now gives way; one that has no connection goes with its last use. Thread-safe.
/// </summary>
/// <param name="capacity">The most links at a time.</param>
/// <param name="open">Makes a link, without connecting.</param>
internal sealed class McpServerLinks(
    int capacity, Func<(Uri Endpoint, EgressRules? Egress), McpServerLink> open) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(Uri Endpoint, EgressRules? Egress), Entry> _links = [];
    private long _uses;

    /// <summary>Links that are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _links.Count;
        }
    }

    /// <summary>Uses the link to a server; nothing disposes of it meanwhile.</summary>
    /// <exception cref="RuntimeErrorException">AR5001: too many other servers are being called.</exception>
    public async ValueTask<T> UseAsync<T>(
        ToolServer server, EgressRules? egress, Func<McpServerLink, ValueTask<T>> use)
    {
        var key = (server.Endpoint, egress);
        var entry = Take(key, server.Name, out var evicted);
        try
        {
            if (evicted is not null)
                await evicted.DisposeAsync().ConfigureAwait(false);
            return await use(entry.Link).ConfigureAwait(false);
        }
        finally
        {
            if (Return(entry))
                await entry.Link.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Disposes of all links; calls in flight fail.</summary>
    public async ValueTask DisposeAsync()
    {
        Entry[] all;
        lock (_lock)
        {
            all = [.. _links.Values];
            _links.Clear();
        }

        foreach (var entry in all)
            await entry.Link.DisposeAsync().ConfigureAwait(false);
    }

    private Entry Take((Uri Endpoint, EgressRules? Egress) key, string server, out McpServerLink? evicted)
    {
        evicted = null;
        lock (_lock)
        {
            if (!_links.TryGetValue(key, out var entry))
            {
                if (_links.Count >= capacity)
                    evicted = EvictUnderLock() ?? throw Full(server);
                _links.Add(key, entry = new Entry(key, open(key)));
            }

            entry.Users++;
            entry.LastUse = ++_uses;
            return entry;
        }
    }

    /// <summary>True when the link is not kept any longer, and nobody uses it.</summary>
    private bool Return(Entry entry)
    {
        lock (_lock)
            return --entry.Users == 0 && !entry.Link.IsConnected && _links.Remove(entry.Key);
    }

    private McpServerLink? EvictUnderLock()
    {
        if (_links.Values.Where(e => e.Users == 0).MinBy(e => e.LastUse) is not { } idle)
            return null;
        _links.Remove(idle.Key);
        return idle.Link;
    }

    private RuntimeErrorException Full(string server) => new(new RuntimeError(
        ReasonCodes.ToolServerUnreachable,
        $"All {capacity} tool servers that the platform can be connected to are being called.",
        server,
        "Try again when some of the calls have ended.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    });

    private sealed class Entry((Uri Endpoint, EgressRules? Egress) key, McpServerLink link)
    {
        public (Uri Endpoint, EgressRules? Egress) Key => key;

        public McpServerLink Link => link;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}
