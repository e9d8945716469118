namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Takes out of a grammar what no text that ends has: an object that must have one of its own kind within it, without
/// end. A model would write it until its tokens are used up. Stateless.
/// </summary>
internal static class GbnfEndings
{
    /// <summary>Leaves the alternatives of which there is a text; a rule of which there is none keeps none.</summary>
    /// <param name="symbols">All rules; of one that is not defined there is no text.</param>
    public static void Keep(IReadOnlyList<GbnfSymbol> symbols)
    {
        var ending = GbnfRules.Holding(symbols, e => e.Least == 0 || e.Rule is null ? true : null);
        if (Array.TrueForAll(ending, isEnding => isEnding)) return;
        foreach (var symbol in symbols)
        {
            symbol.Alternatives.RemoveAll(alternative => alternative.Exists(e => e.Least > 0 && IsEndless(e)));
            foreach (var element in symbol.Alternatives.SelectMany(elements => elements).Where(IsEndless))
                element.Most = 0;
        }

        bool IsEndless(GbnfElement element) => element.Rule is { } rule && !ending[rule.Number];
    }
}
