namespace AgentRuntime.Node.Engine;

/// <summary>
/// The order in which cached things go: those that nobody claims first, then by the claim's priority, among equals the
/// least recently used first. A claim lapses by itself. All but the search take constant time, a lapse its logarithm.
/// Not thread-safe.
/// </summary>
internal sealed class EvictionOrder<T>(TimeProvider time)
    where T : class
{
    private readonly LinkedList<Place>?[] _byPriority = new LinkedList<Place>?[RetainDirective.MostPriority + 1];

    // A place is here once at most; one that was removed or claimed for longer is found out when its time comes.
    private readonly PriorityQueue<Place, long> _lapses = new();
    private int _removed;
    private int _claimed;

    /// <summary>How many are claimed now.</summary>
    public int Claimed
    {
        get
        {
            Lapse();
            return _claimed;
        }
    }

    /// <summary>Claims that are watched for their time, those of what is gone included.</summary>
    internal int Lapses => _lapses.Count;

    /// <summary>Takes something in, used just now and claimed by nobody.</summary>
    public Place Add(T item)
    {
        var place = new Place(item);
        ListOf(0).AddLast(place.Node);
        return place;
    }

    /// <summary>It was used just now.</summary>
    public void Touch(Place place)
    {
        var list = ListOf(place.Priority);
        list.Remove(place.Node);
        list.AddLast(place.Node);
    }

    /// <summary>Takes something out for good.</summary>
    public void Remove(Place place)
    {
        ListOf(place.Priority).Remove(place.Node);
        if (place.Priority > 0) _claimed--;
        place.Removed = true;
        if (!place.Queued || ++_removed <= 64 + (_lapses.Count / 2)) return;
        var left = _lapses.UnorderedItems.Where(i => !i.Element.Removed).ToArray();
        _lapses.Clear();
        _lapses.EnqueueRange(left);
        _removed = 0;
    }

    /// <summary>Raises a claim to this priority and this time; never lowers one.</summary>
    /// <param name="place">What is claimed.</param>
    /// <param name="claim">How strongly and how long.</param>
    public void Claim(Place place, in RetainClaim claim)
    {
        if (claim.Priority == 0 || claim.Until <= time.GetTimestamp()) return;
        if (claim.Priority > place.Priority)
        {
            ListOf(place.Priority).Remove(place.Node);
            if (place.Priority == 0) _claimed++;
            place.Priority = claim.Priority;
            ListOf(place.Priority).AddLast(place.Node);
        }

        place.Until = Math.Max(place.Until, claim.Until);
        if (place.Queued) return;
        place.Queued = true;
        _lapses.Enqueue(place, place.Until);
    }

    /// <summary>The first that may go; null when none may.</summary>
    public T? First(Func<T, bool> mayGo)
    {
        Lapse();
        foreach (var list in _byPriority)
            for (var node = list?.First; node is not null; node = node.Next)
                if (mayGo(node.Value.Item))
                    return node.Value.Item;
        return null;
    }

    private void Lapse()
    {
        var now = time.GetTimestamp();
        while (_lapses.TryPeek(out var place, out var until) && until <= now)
        {
            _lapses.Dequeue();
            place.Queued = false;
            if (place.Removed)
            {
                _removed--;
            }
            else if (place.Until > now)
            {
                place.Queued = true;
                _lapses.Enqueue(place, place.Until);
            }
            else
            {
                ListOf(place.Priority).Remove(place.Node);
                place.Priority = 0;
                _claimed--;
                // Nobody came back for it in its time, so it is older than whatever is still used.
                ListOf(0).AddFirst(place.Node);
            }
        }
    }

    private LinkedList<Place> ListOf(int priority) => _byPriority[priority] ??= new();

    /// <summary>Something's place in the order. Changed by the order only.</summary>
    internal sealed class Place
    {
        public Place(T item)
        {
            Item = item;
            Node = new(this);
        }

        public T Item { get; }

        public LinkedListNode<Place> Node { get; }

        /// <summary>0 when nobody claims it.</summary>
        public int Priority { get; set; }

        /// <summary>When the claim lapses, as a timestamp of the order's clock.</summary>
        public long Until { get; set; }

        public bool Queued { get; set; }

        public bool Removed { get; set; }

        public RetainClaim Claim => new(Priority, Until);
    }
}
