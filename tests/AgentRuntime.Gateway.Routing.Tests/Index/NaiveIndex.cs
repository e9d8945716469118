namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>
/// The index as one would write it on a whiteboard: a set of (engine, key), with expiry for speculation.
/// </summary>
internal sealed class NaiveIndex(double speculativeSeconds)
{
    private readonly HashSet<(int Engine, ulong Key)> _confirmed = [];
    private readonly Dictionary<(int Engine, ulong Key), double> _supposed = [];

    public void Store(int engine, BlockKey key)
    {
        _supposed.Remove((engine, key.Value));
        _confirmed.Add((engine, key.Value));
    }

    public void Evict(int engine, BlockKey key)
    {
        _supposed.Remove((engine, key.Value));
        _confirmed.Remove((engine, key.Value));
    }

    public void Forget(int engine)
    {
        _confirmed.RemoveWhere(h => h.Engine == engine);
        foreach (var holding in _supposed.Keys.Where(h => h.Engine == engine).ToList())
            _supposed.Remove(holding);
    }

    public void Speculate(int engine, BlockKey[] keys, double now)
    {
        foreach (var key in keys)
        {
            if (!_confirmed.Contains((engine, key.Value)))
                _supposed[(engine, key.Value)] = now + speculativeSeconds;
        }
    }

    public void Retract(int engine, BlockKey[] keys)
    {
        foreach (var key in keys)
            _supposed.Remove((engine, key.Value));
    }

    public void Advance(double now)
    {
        foreach (var (holding, _) in _supposed.Where(h => h.Value <= now).ToList())
            _supposed.Remove(holding);
    }

    public int Match(int engine, BlockKey[] keys)
    {
        var count = 0;
        while (count < keys.Length
            && (_confirmed.Contains((engine, keys[count].Value)) || _supposed.ContainsKey((engine, keys[count].Value))))
            count++;
        return count;
    }

    public int HeldBy(int engine) =>
        _confirmed.Count(h => h.Engine == engine) + _supposed.Keys.Count(h => h.Engine == engine);
}
