using System.Runtime.CompilerServices;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Counts the ways that llama.cpp goes at once (llama-grammar.cpp: <c>llama_grammar_advance_stack</c>). It holds each
/// place of the grammar that a text may have come to, and with each character it goes from each of them, one by one, to
/// whatever may come next. Characters are taken for the same, so that the count is of the worst text. What a rule that
/// contains itself adds with each level that is written is not in it. Stateless.
/// </summary>
internal static class GbnfWays
{
    /// <summary>Ways from one place to what may come next.</summary>
    private const long Most = 1000;

    /// <summary>Ways with one character from all places; llama.cpp takes half a microsecond for one.</summary>
    private const long MostSteps = 100_000;

    /// <summary>
    /// Beginnings of something repeated that may be empty. Where they fit the same characters, llama.cpp tries the next
    /// characters of a token with each choice of them.
    /// </summary>
    private const long MostRepeated = 16;

    /// <summary>Counts and checks them, in a grammar of which is known what may be empty.</summary>
    /// <exception cref="FormatException">There are too many.</exception>
    public static void Check(IReadOnlyList<GbnfSymbol> symbols)
    {
        var (counted, added, placed) =
            (new HashSet<GbnfSymbol>(), new HashSet<GbnfSymbol>(), new HashSet<GbnfSymbol>());
        foreach (var symbol in symbols) Count(symbol, counted);
        foreach (var symbol in symbols) LookBehind(symbol);
        foreach (var symbol in symbols) AddSteps(symbol, added);
        foreach (var symbol in symbols) CheckBehind(symbol, Behind(symbol, placed));
    }

    private static void Count(GbnfSymbol symbol, HashSet<GbnfSymbol> begun)
    {
        if (!begun.Add(symbol))
        {
            if (symbol.Ways == 0) throw new FormatException("it has a rule that begins with itself");
            return;
        }

        NoDeeper();
        long ways = 0, beginnings = 0;
        foreach (var alternative in symbol.Alternatives)
        {
            var before = ways;
            foreach (var element in alternative)
            {
                if (element.Rule is not null) Count(element.Rule, begun);
                ways += element.Ways;
                beginnings += element.Beginnings;
                CheckLimits(ways, steps: 0);
                if (!element.MayBeEmpty) break;
            }

            if (ways == before) ways++; // an empty one is gone too
        }

        (symbol.Ways, symbol.Beginnings) = (ways, beginnings);
    }

    private static void LookBehind(GbnfSymbol symbol)
    {
        foreach (var alternative in symbol.Alternatives)
        {
            var (ways, isLast) = (0L, true);
            for (var i = alternative.Count - 1; i >= 0; i--)
            {
                var element = alternative[i];
                if (element.First > 1 && element.Beginnings > MostRepeated)
                    throw new FormatException("it repeats too often what may be empty");
                (element.WaysBehind, element.MayBeLast) = (ways, isLast);
                var behind = ways + (element.Repeats ? element.Ways : 0);
                if (isLast) element.Rule?.EndsOf.Add((symbol, behind));
                else if (element.Rule is { } rule) rule.WaysBehind = Math.Max(rule.WaysBehind, behind);
                ways = element.Ways + (element.MayBeEmpty ? ways : 0);
                isLast &= element.MayBeEmpty;
                CheckLimits(Math.Max(ways, behind), steps: 0);
            }
        }
    }

    private static void AddSteps(GbnfSymbol symbol, HashSet<GbnfSymbol> begun)
    {
        if (!begun.Add(symbol)) return;
        foreach (var alternative in symbol.Alternatives)
        {
            foreach (var element in alternative)
            {
                if (element.Rule is not null) AddSteps(element.Rule, begun);
                symbol.Steps += element.Steps;
                CheckLimits(0, symbol.Steps);
                if (!element.MayBeEmpty) break;
            }
        }
    }

    /// <summary>The ways that may come behind a symbol's end, wherever it stands.</summary>
    private static long Behind(GbnfSymbol symbol, HashSet<GbnfSymbol> begun)
    {
        if (!begun.Add(symbol)) return symbol.WaysBehind;
        NoDeeper();
        foreach (var (whole, ways) in symbol.EndsOf)
            symbol.WaysBehind = Math.Max(symbol.WaysBehind, ways + Behind(whole, begun));
        return symbol.WaysBehind;
    }

    private static void CheckBehind(GbnfSymbol symbol, long behind)
    {
        foreach (var alternative in symbol.Alternatives)
        {
            var (beginnings, steps) = (0L, 0L);
            for (var i = alternative.Count - 1; i >= 0; i--)
            {
                var element = alternative[i];
                var end = element.MayBeLast ? behind : 0;
                var again = element.Repeats ? 1 : 0;
                CheckLimits(
                    element.WaysBehind + (element.Ways * again) + end,
                    steps + (element.Steps * again) + ((beginnings + (element.Beginnings * again)) * end));
                var rest = element.MayBeEmpty ? 1 : 0;
                beginnings = element.Beginnings + (beginnings * rest);
                steps = element.Steps + (steps * rest);
            }
        }
    }

    private static void CheckLimits(long ways, long steps)
    {
        if (ways > Most || steps > MostSteps)
            throw new FormatException("it has too many ways to go on at once");
    }

    private static void NoDeeper()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new FormatException("its rules refer to one another too deeply");
    }
}
