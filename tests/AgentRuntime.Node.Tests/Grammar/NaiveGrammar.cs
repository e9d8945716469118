using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What a grammar takes, by trying all of it: the ends that each part may have from each beginning.</summary>
internal sealed class NaiveGrammar
{
    private readonly Dictionary<(GbnfSymbol Symbol, int From), HashSet<int>> _known = [];
    private readonly string _text;

    private NaiveGrammar(string text) => _text = text;

    public static bool Accepts(GbnfSymbol root, string text) =>
        new NaiveGrammar(text).Ends(root, 0).Contains(text.Length);

    private HashSet<int> Ends(GbnfSymbol symbol, int from)
    {
        if (_known.TryGetValue((symbol, from), out var known)) return known;
        HashSet<int> ends =
        [
            .. symbol.Alternatives.SelectMany(a => a.Aggregate(
                new HashSet<int> { from }, (froms, e) => [.. froms.SelectMany(f => Ends(e, f))])),
        ];
        return _known[(symbol, from)] = ends;
    }

    private HashSet<int> Ends(GbnfElement element, int from)
    {
        HashSet<int> ends = element.Least == 0 ? [from] : [], at = [from];
        // More times than there are characters come to no other ends.
        for (var times = 1; times <= Math.Min(element.Most ?? int.MaxValue, element.Least + _text.Length + 1); times++)
        {
            at = [.. at.SelectMany(f => Once(element, f))];
            if (times >= element.Least) ends.UnionWith(at);
        }

        return ends;
    }

    private HashSet<int> Once(GbnfElement element, int from)
    {
        if (element.Rule is { } rule) return Ends(rule, from);
        var characters = element.Characters!;
        if (from + characters.Length > _text.Length) return [];
        for (var i = 0; i < characters.Length; i++)
            if (!characters.Fits(i, _text[from + i]))
                return [];
        return [from + characters.Length];
    }
}
