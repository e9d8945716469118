namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The requests of one tenant and class that wait for one engine, the one due first in front. Requests that left
/// otherwise than from the front stay in the heap until they come up or are most of it. One that left may come back
/// before that: then the heap has it twice, and only the later addition counts. Owned by an
/// <see cref="EngineQueue"/>.
/// </summary>
internal sealed class Lane
{
    private const int MinCompacted = 16;
    private readonly PriorityQueue<(RequestEntry Entry, long Addition), (double Due, long Sequence)> _heap = new();

    public TenantShare Tenant { get; set; } = null!;

    public int Class { get; set; }

    /// <summary>Requests that still wait here.</summary>
    public int Count { get; private set; }

    /// <summary>Places that it takes up: those of requests that have left are among them.</summary>
    public int HeapCount => _heap.Count;

    public void Add(RequestEntry entry)
    {
        entry.Lane = this;
        _heap.Enqueue((entry, ++entry.Addition), (entry.Due, entry.Sequence));
        Count++;
    }

    /// <summary>The request has left, or is about to be dispatched.</summary>
    public void Leave(RequestEntry entry)
    {
        entry.Lane = null;
        Count--;
        if (Count == 0)
            _heap.Clear();
        else if (_heap.Count > (2 * Count) + MinCompacted)
            Compact();
    }

    /// <summary>Lists the requests that wait here, in no particular order.</summary>
    public void CollectInto(List<RequestEntry> entries)
    {
        foreach (var (item, _) in _heap.UnorderedItems)
        {
            if (IsHere(item))
                entries.Add(item.Entry);
        }
    }

    /// <summary>The request due last; null when none waits. Linear: only for when the router is full.</summary>
    public RequestEntry? Last()
    {
        RequestEntry? last = null;
        foreach (var (item, _) in _heap.UnorderedItems)
        {
            if (IsHere(item) && (last is null || item.Entry.Due >= last.Due))
                last = item.Entry;
        }

        return last;
    }

    /// <summary>The request due first; null when none waits.</summary>
    public RequestEntry? Peek()
    {
        while (Count > 0 && _heap.TryPeek(out var item, out _))
        {
            if (IsHere(item))
                return item.Entry;
            _heap.Dequeue();
        }

        return null;
    }

    private bool IsHere((RequestEntry Entry, long Addition) item) =>
        item.Entry.Lane == this && item.Entry.Addition == item.Addition;

    private void Compact()
    {
        var here = new List<((RequestEntry Entry, long Addition), (double Due, long Sequence))>(Count);
        foreach (var item in _heap.UnorderedItems)
        {
            if (IsHere(item.Element))
                here.Add(item);
        }

        _heap.Clear();
        _heap.EnqueueRange(here);
    }
}

/// <summary>Everything that waits for one engine, by class and tenant. Owned by its pool.</summary>
internal sealed class EngineQueue
{
    private readonly List<Lane> _lanes = [];
    private readonly Stack<Lane> _spare = new();

    /// <summary>Requests that wait.</summary>
    public int Count { get; private set; }

    /// <summary>The lanes that have requests.</summary>
    public ReadOnlySpan<Lane> Lanes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_lanes);

    public void Add(RequestEntry entry)
    {
        var lane = FindLane(entry.Tenant, entry.Request.Class);
        if (lane is null)
        {
            lane = _spare.TryPop(out var spare) ? spare : new();
            (lane.Tenant, lane.Class) = (entry.Tenant, entry.Request.Class);
            _lanes.Add(lane);
        }

        lane.Add(entry);
        Count++;
    }

    public void Remove(RequestEntry entry)
    {
        var lane = entry.Lane!;
        lane.Leave(entry);
        Count--;
        if (lane.Count == 0)
        {
            _lanes.Remove(lane);
            lane.Tenant = null!;
            _spare.Push(lane);
        }
    }

    /// <summary>The tenant's lane with the most requests, or the given one when it has as many.</summary>
    public Lane? LongestOf(TenantShare tenant, Lane? longest)
    {
        foreach (var lane in Lanes)
        {
            if (ReferenceEquals(lane.Tenant, tenant) && lane.Count > (longest?.Count ?? 0))
                longest = lane;
        }

        return longest;
    }

    private Lane? FindLane(TenantShare tenant, int @class)
    {
        foreach (var lane in Lanes)
        {
            if (lane.Class == @class && ReferenceEquals(lane.Tenant, tenant))
                return lane;
        }

        return null;
    }
}
