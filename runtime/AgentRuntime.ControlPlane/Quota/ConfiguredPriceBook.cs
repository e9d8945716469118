using System.Collections.Frozen;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>Prices that the operator configured, by the exact model name. Immutable and thread-safe.</summary>
/// <param name="prices">Prices by model name.</param>
/// <param name="otherwise">The price of every other model; null (the default) refuses them (AR6005).</param>
public sealed class ConfiguredPriceBook(IReadOnlyDictionary<string, ModelPrice> prices, ModelPrice? otherwise = null)
    : IPriceBook
{
    private readonly FrozenDictionary<string, ModelPrice> _prices = prices.ToFrozenDictionary(StringComparer.Ordinal);

    /// <inheritdoc/>
    public ModelPrice? Find(string model) => _prices.GetValueOrDefault(model, otherwise!);
}
