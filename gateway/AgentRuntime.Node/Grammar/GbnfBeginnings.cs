namespace AgentRuntime.Node.Grammar;

/// <summary>What the rules of a grammar may begin with. Stateless.</summary>
internal static class GbnfBeginnings
{
    /// <summary>How many rules may begin with one another in a row.</summary>
    private const int MostDepth = 1000;

    /// <summary>Finds the rules that may be empty.</summary>
    public static void FindEmpty(IReadOnlyList<GbnfSymbol> symbols)
    {
        var empty = GbnfRules.Holding(symbols, e => e.MayBeEmpty ? true : e.Rule is null ? false : null);
        foreach (var symbol in symbols) symbol.MayBeEmpty = empty[symbol.Number];
    }

    /// <summary>Checks that no rule begins with itself, in a grammar of which is known what may be empty.</summary>
    /// <exception cref="FormatException">One does, or too many begin with one another.</exception>
    public static void Check(IReadOnlyList<GbnfSymbol> symbols)
    {
        var begun = new List<GbnfSymbol>?[symbols.Count];
        var open = new (int Left, int Depth)[symbols.Count];
        foreach (var symbol in symbols)
        {
            foreach (var rule in symbol.Alternatives.SelectMany(Beginnings))
            {
                open[symbol.Number].Left++;
                (begun[rule.Number] ??= []).Add(symbol);
            }
        }

        var (known, done) = (new Queue<GbnfSymbol>(symbols.Where(s => open[s.Number].Left == 0)), 0);
        for (; known.TryDequeue(out var symbol); done++)
        {
            var behind = open[symbol.Number].Depth + 1;
            if (behind > MostDepth)
                throw new FormatException("its rules refer to one another too deeply");
            foreach (var other in begun[symbol.Number] ?? [])
            {
                ref var its = ref open[other.Number];
                its = (its.Left - 1, Math.Max(its.Depth, behind));
                if (its.Left == 0) known.Enqueue(other);
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
