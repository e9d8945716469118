namespace AgentRuntime.Gateway;

/// <summary>Where requests for a model are placed: the pool of its base model. Immutable.</summary>
/// <param name="Pool">The pool's number.</param>
/// <param name="Base">The base model's name, which is the pool's.</param>
/// <param name="Adapter">The adapter's name, the one that clients use; null for the base model itself.</param>
internal readonly record struct ModelHome(int Pool, string Base, string? Adapter);

/// <summary>
/// The pools in which models are served. Almost always a model has one; where engines have adapters of one name on
/// unlike bases, or one has merged what another has as an adapter, the pool with most engines is used. Guarded by the
/// desk's lock.
/// </summary>
internal sealed class ModelHomes
{
    private readonly Dictionary<string, List<Home>> _homes = new(StringComparer.Ordinal);

    public bool TryFind(string model, out ModelHome home)
    {
        var best = _homes.TryGetValue(model, out var homes) ? homes.MaxBy(h => (h.Usable, h.Engines)) : null;
        home = best?.Where ?? default;
        return best is not null;
    }

    /// <summary>Counts engines in, or with negative numbers out.</summary>
    /// <param name="model">The model by the name that clients use.</param>
    /// <param name="where">Where they serve it.</param>
    /// <param name="engines">How many more.</param>
    /// <param name="usable">How many more that take work.</param>
    public void Count(string model, ModelHome where, int engines, int usable)
    {
        if (!_homes.TryGetValue(model, out var homes))
            _homes.Add(model, homes = []);
        var home = homes.Find(h => h.Where == where);
        if (home is null)
            homes.Add(home = new(where));
        home.Engines += engines;
        home.Usable += usable;

        // A base model's pool outlives its engines for a while: asked for then, it says that there are none now.
        if (home is { Engines: 0, Where.Adapter: not null })
            homes.Remove(home);
        if (homes.Count == 0)
            _homes.Remove(model);
    }

    /// <summary>Forgets those in pools that are no more.</summary>
    public void Forget(Predicate<int> isGone)
    {
        foreach (var (model, homes) in _homes)
        {
            if (homes.RemoveAll(h => isGone(h.Where.Pool)) > 0 && homes.Count == 0)
                _homes.Remove(model);
        }
    }

    private sealed class Home(ModelHome where)
    {
        public ModelHome Where => where;

        public int Engines { get; set; }

        public int Usable { get; set; }
    }
}
