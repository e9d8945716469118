namespace AgentRuntime.Gateway;

/// <summary>A base model as one engine serves it, with the adapters of it. Immutable.</summary>
/// <param name="Name">Its name: the one that clients use, where they may use it.</param>
/// <param name="Offered">Whether clients may ask for the base model itself.</param>
/// <param name="Adapters">
/// Its adapters by the engine's own name, each with the name that clients use. Where clients have several names for
/// one, the first in order stands for it in what the engine says of itself.
/// </param>
internal sealed record ServedBase(
    string Name, bool Offered, IReadOnlyList<(string EngineName, string Name)> Adapters)
{
    /// <summary>The engine's base models.</summary>
    public static IReadOnlyList<ServedBase> Of(IReadOnlyDictionary<string, EngineModel> models)
    {
        var bases = models.Where(m => m.Value.Parent is null).OrderBy(m => m.Key, StringComparer.Ordinal).ToArray();
        var served = bases.ToDictionary(
            m => m.Key, _ => new List<(string, string)>(), StringComparer.Ordinal);
        foreach (var (name, model) in models.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            if (model.Parent is null)
                continue;
            var parent = BaseOf(model.Parent, bases);
            if (!served.TryGetValue(parent, out var adapters))
                served.Add(parent, adapters = []);
            adapters.Add((model.EngineName, name));
        }

        return [.. served.Select(s => new ServedBase(s.Key, bases.Any(b => b.Key == s.Key), s.Value))];
    }

    public bool IsLike(ServedBase other) =>
        Name == other.Name && Offered == other.Offered && Adapters.SequenceEqual(other.Adapters);

    /// <summary>The name that clients use for an adapter of which the engine speaks; null when it has none.</summary>
    public string? NameOf(string engineName)
    {
        foreach (var (own, name) in Adapters)
        {
            if (own == engineName)
                return name;
        }

        return null;
    }

    /// <summary>
    /// An adapter's parent may be a path or a repository that the list does not name (vLLM's base_model_name): where
    /// the engine offers one base model only, that is meant.
    /// </summary>
    private static string BaseOf(string parent, KeyValuePair<string, EngineModel>[] bases)
    {
        foreach (var (name, model) in bases)
        {
            if (model.EngineName == parent)
                return name;
        }

        return bases.Length == 1 ? bases[0].Key : parent;
    }
}
