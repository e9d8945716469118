using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>Tells what applying a bundle would change, and for whom. Stateless.</summary>
public static class BundlePlanner
{
    /// <summary>Compares a bundle with the one that it would replace.</summary>
    /// <param name="before">The files of the bundle in force; null when there is none.</param>
    /// <param name="after">The files of the bundle to come.</param>
    /// <param name="options">The operator's options; null for the defaults.</param>
    /// <exception cref="RuntimeErrorException">AR2007: the first thing that is wrong with one of them.</exception>
    public static BundleComparison Compare(
        IReadOnlyDictionary<string, string>? before,
        IReadOnlyDictionary<string, string> after,
        PolicyOptions? options = null)
    {
        return Compare(before is null ? null : BundleInspection.Compile(before, options), after, options);
    }

    /// <summary>Compares a bundle with the one that it would replace, which is compiled already.</summary>
    internal static BundleComparison Compare(
        CompiledBundle? old,
        IReadOnlyDictionary<string, string> after,
        PolicyOptions? options,
        CancellationToken cancellationToken = default)
    {
        var next = BundleInspection.Compile(after, options, cancellationToken);
        var decisions = new DifferenceSearch(old, next, cancellationToken).Run();
        return new(old?.Digest, next.Digest, Changes(old, next), decisions);
    }

    private static List<BundleChange> Changes(CompiledBundle? before, CompiledBundle after)
    {
        var old = before is null ? [] : BundleFacts.Of(before);
        var next = BundleFacts.Of(after);
        return old.Keys.Union(next.Keys)
            .Order()
            .Select(k => new BundleChange(k.Subject, k.What, old.GetValueOrDefault(k), next.GetValueOrDefault(k)))
            .Where(c => c.Before != c.After)
            .ToList();
    }
}
