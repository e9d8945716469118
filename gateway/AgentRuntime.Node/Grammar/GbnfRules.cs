namespace AgentRuntime.Node.Grammar;

/// <summary>What is true of rules because it is of the rules that they refer to. Stateless.</summary>
internal static class GbnfRules
{
    /// <summary>Less than what elements could make zero.</summary>
    private const int Never = int.MinValue / 2;

    /// <summary>
    /// Whether each rule has an alternative of which all elements have a property; of the fewest of which that is so.
    /// </summary>
    /// <param name="symbols">All rules, each at its number.</param>
    /// <param name="has">
    /// Whether an element has it; null where that is so if the rule has it to which it refers.
    /// </param>
    public static bool[] Holding(IReadOnlyList<GbnfSymbol> symbols, Func<GbnfElement, bool?> has)
    {
        // Of each alternative, on how many rules it depends of which it is not known yet.
        List<(GbnfSymbol Symbol, int Left)> open = [];
        var users = new List<int>?[symbols.Count];
        var holding = new bool[symbols.Count];
        Queue<GbnfSymbol> found = [];
        foreach (var symbol in symbols)
            foreach (var alternative in symbol.Alternatives)
                Add(symbol, alternative);
        while (found.TryDequeue(out var symbol))
        {
            foreach (var alternative in users[symbol.Number] ?? [])
            {
                var (whole, left) = open[alternative];
                open[alternative] = (whole, --left);
                if (left == 0) Found(whole);
            }
        }

        return holding;

        void Add(GbnfSymbol symbol, List<GbnfElement> alternative)
        {
            var left = 0;
            foreach (var element in alternative)
            {
                var its = has(element);
                if (its is false) left = Never;
                if (its is not null) continue;
                left++;
                (users[element.Rule!.Number] ??= []).Add(open.Count);
            }

            if (left == 0) Found(symbol);
            open.Add((symbol, left));
        }

        void Found(GbnfSymbol symbol)
        {
            if (holding[symbol.Number]) return;
            holding[symbol.Number] = true;
            found.Enqueue(symbol);
        }
    }
}
