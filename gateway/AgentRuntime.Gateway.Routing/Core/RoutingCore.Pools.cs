namespace AgentRuntime.Gateway.Routing;

/// <content>
/// Pools of models that no engine has any more. They are kept for as long as is told how their requests fared, a
/// bounded number of them: engines may come and go with ever new names of models.
/// </content>
public sealed partial class RoutingCore
{
    private const double EmptySeconds = SloAccount.Buckets * SloAccount.BucketSeconds;
    private const int MaxEmptyPools = 256;
    private readonly List<ModelPool> _emptyPools = [];

    /// <summary>Pools that were given up so far. Their numbers are never used again.</summary>
    public int PoolsFreed { get; private set; }

    /// <summary>Whether there is such a pool, still.</summary>
    public bool HasPool(int pool) => _pools.ContainsKey(pool);

    private void FreePools(double now)
    {
        _emptyPools.Clear();
        foreach (var pool in _pools.Values)
        {
            if (!pool.IsEmpty)
            {
                pool.EmptySince = double.PositiveInfinity;
                continue;
            }

            pool.EmptySince = Math.Min(pool.EmptySince, now);
            _emptyPools.Add(pool);
        }

        if (_emptyPools.Count > MaxEmptyPools)
            _emptyPools.Sort(static (one, other) => one.EmptySince.CompareTo(other.EmptySince));
        for (var i = 0; i < _emptyPools.Count; i++)
        {
            if (i < _emptyPools.Count - MaxEmptyPools || now - _emptyPools[i].EmptySince >= EmptySeconds)
                Free(_emptyPools[i]);
        }
    }

    private void Free(ModelPool pool)
    {
        _pools.Remove(pool.Number);
        _poolsByModel.Remove(pool.Model);
        foreach (var key in _accounts.Keys)
        {
            if (key.Pool == pool.Number)
                _accounts.Remove(key);
        }

        PoolsFreed++;
    }
}
