namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>
/// An engine's prefix cache: blocks in order of use, the least recently used evicted first. A prompt's last block
/// counts
/// as used before its first one, as engines free sequences from their tail (vLLM <c>kv_cache_manager.py</c>).
/// </summary>
internal sealed class BlockCache
{
    private readonly int _capacity;
    private readonly Dictionary<ulong, int> _places = [];
    private readonly ulong[] _keys;
    private readonly int[] _newer;
    private readonly int[] _older;
    private int _newest = -1;
    private int _oldest = -1;

    public BlockCache(int capacity)
    {
        _capacity = Math.Max(1, capacity);
        _keys = new ulong[_capacity];
        _newer = new int[_capacity];
        _older = new int[_capacity];
    }

    public int Count => _places.Count;

    public bool Contains(BlockKey key) => _places.ContainsKey(key.Value);

    /// <summary>Leading blocks that are held.</summary>
    public int Match(ReadOnlySpan<BlockKey> keys)
    {
        var count = 0;
        while (count < keys.Length && _places.ContainsKey(keys[count].Value))
            count++;
        return count;
    }

    /// <summary>Uses a prompt's blocks, adding those that are not held.</summary>
    public void Use(ReadOnlySpan<BlockKey> keys, Action<BlockKey>? stored, Action<BlockKey>? evicted)
    {
        // Of a prompt longer than the cache only the beginning can stay.
        for (var i = Math.Min(keys.Length, _capacity) - 1; i >= 0; i--)
        {
            var key = keys[i].Value;
            if (_places.TryGetValue(key, out var place))
            {
                Unlink(place);
            }
            else
            {
                place = _places.Count;
                if (place == _capacity)
                {
                    place = _oldest;
                    Unlink(place);
                    _places.Remove(_keys[place]);
                    evicted?.Invoke(new(_keys[place]));
                }

                _keys[place] = key;
                _places.Add(key, place);
                stored?.Invoke(keys[i]);
            }

            Link(place);
        }
    }

    public void Clear()
    {
        _places.Clear();
        _newest = _oldest = -1;
    }

    private void Link(int place)
    {
        _older[place] = _newest;
        _newer[place] = -1;
        if (_newest >= 0)
            _newer[_newest] = place;
        else
            _oldest = place;
        _newest = place;
    }

    private void Unlink(int place)
    {
        if (_newer[place] >= 0)
            _older[_newer[place]] = _older[place];
        else
            _newest = _older[place];
        if (_older[place] >= 0)
            _newer[_older[place]] = _newer[place];
        else
            _oldest = _newer[place];
    }
}
