namespace AgentRuntime.Node.Grammar;

/// <summary>What is true of rules because it is of the rules that they refer to. Stateless.</summary>
internal static class GbnfRules
{
    /// <summary>Rules with an alternative of which all elements have a property: the fewest of which that is so.</summary>
    /// <param name="symbols">All rules.</param>
    /// <param name="has">
    /// Whether an element has it; null where that is so if the rule has it to which it refers.
    /// </param>
    public static HashSet<GbnfSymbol> Holding(IReadOnlyList<GbnfSymbol> symbols, Func<GbnfElement, bool?> has)
    {
        // Of each alternative, on how many rules it depends of which it is not known yet.
        Dictionary<List<GbnfElement>, (GbnfSymbol Symbol, int Left)> open = [];
        Dictionary<GbnfSymbol, List<List<GbnfElement>>> users = [];
        HashSet<GbnfSymbol> holding = [];
        Queue<GbnfSymbol> found = [];
        foreach (var symbol in symbols)
        {
            foreach (var alternative in symbol.Alternatives)
            {
                var others = alternative.FindAll(e => has(e) is not true);
                if (others.Count == 0) Found(symbol);
                if (others.Exists(e => has(e) is false)) continue;
                open[alternative] = (symbol, others.Count);
                foreach (var element in others) Of(users, element.Rule!).Add(alternative);
            }
        }

        while (found.TryDequeue(out var symbol))
        {
            if (!users.TryGetValue(symbol, out var alternatives)) continue;
            foreach (var alternative in alternatives)
            {
                var (whole, left) = open[alternative];
                open[alternative] = (whole, --left);
                if (left == 0) Found(whole);
            }
        }

        return holding;

        void Found(GbnfSymbol symbol)
        {
            if (holding.Add(symbol)) found.Enqueue(symbol);
        }
    }

    /// <summary>The list of a rule, made where there is none.</summary>
    public static List<T> Of<T>(Dictionary<GbnfSymbol, List<T>> lists, GbnfSymbol symbol)
    {
        if (!lists.TryGetValue(symbol, out var list)) lists.Add(symbol, list = []);
        return list;
    }
}
