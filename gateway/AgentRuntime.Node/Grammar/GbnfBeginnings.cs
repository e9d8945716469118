namespace AgentRuntime.Node.Grammar;

/// <summary>What the rules of a grammar may begin with. Stateless.</summary>
internal static class GbnfBeginnings
{
    /// <summary>How many rules may begin with one another in a row.</summary>
    private const int MostDepth = 1000;

    /// <summary>Finds the rules that may be empty.</summary>
    public static void FindEmpty(IReadOnlyList<GbnfSymbol> symbols)
    {
        foreach (var symbol in GbnfRules.Holding(symbols, e => e.MayBeEmpty ? true : e.Rule is null ? false : null))
            symbol.MayBeEmpty = true;
    }

    /// <summary>Checks that no rule begins with itself, in a grammar of which is known what may be empty.</summary>
    /// <exception cref="FormatException">One does, or too many begin with one another.</exception>
    public static void Check(IReadOnlyList<GbnfSymbol> symbols)
    {
        Dictionary<GbnfSymbol, List<GbnfSymbol>> begun = [];
        Dictionary<GbnfSymbol, (int Left, int Depth)> open = [];
        foreach (var symbol in symbols)
        {
            var left = 0;
            foreach (var rule in symbol.Alternatives.SelectMany(Beginnings))
            {
                left++;
                GbnfRules.Of(begun, rule).Add(symbol);
            }

            open.Add(symbol, (left, 0));
        }

        var (known, done) = (new Queue<GbnfSymbol>(symbols.Where(s => open[s].Left == 0)), 0);
        for (; known.TryDequeue(out var symbol); done++)
        {
            var behind = open[symbol].Depth + 1;
            if (behind > MostDepth)
                throw new FormatException("its rules refer to one another too deeply");
            if (!begun.TryGetValue(symbol, out var others)) continue;
            foreach (var other in others)
            {
                var (left, depth) = open[other];
                open[other] = (left - 1, Math.Max(depth, behind));
                if (left == 1) known.Enqueue(other);
            }
        }

        if (done < symbols.Count) throw new FormatException("it has a rule that begins with itself");
    }

    private static IEnumerable<GbnfSymbol> Beginnings(List<GbnfElement> alternative)
    {
        foreach (var element in alternative)
        {
            if (element.Rule is { } rule) yield return rule;
            if (!element.MayBeEmpty) yield break;
        }
    }
}
