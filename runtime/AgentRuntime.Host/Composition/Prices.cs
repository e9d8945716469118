using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Host.Configuration;

namespace AgentRuntime.Host.Composition;

/// <summary>Prices from dollars with decimals, as people write them, to whole micro-dollars.</summary>
internal static class Prices
{
    private const string EveryOtherModel = "*";

    public static ConfiguredPriceBook Read(PlatformOptions options)
    {
        var prices = options.Prices.ToDictionary(p => p.Key, p => Price(p.Value));
        return new ConfiguredPriceBook(prices, prices.GetValueOrDefault(EveryOtherModel));
    }

    private static ModelPrice Price(PriceOptions price) => new(
        Amount(price.PromptUsdPerMillion),
        Amount(price.CachedPromptUsdPerMillion),
        Amount(price.OutputUsdPerMillion));

    private static MicroUsd Amount(decimal usd) => new((long)decimal.Ceiling(usd * 1_000_000));
}
