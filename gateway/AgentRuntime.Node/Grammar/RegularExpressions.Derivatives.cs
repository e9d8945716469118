namespace AgentRuntime.Node.Grammar;

/// <content>
/// How texts go on (Brzozowski, "Derivatives of Regular Expressions", 1964; Owens, Reppy and Turon, "Regular-expression
/// derivatives re-examined", 2009).
/// </content>
internal sealed partial class RegularExpressions
{
    private const int Beyond = 0x110000;

    private readonly Dictionary<(int Expression, int Character), int> _derivatives = [];
    private readonly Dictionary<int[], IReadOnlyList<List<(int First, int Last)>>> _classes =
        new(EqualNumbers.Instance);

    /// <summary>Each character that numbers are made of.</summary>
    private readonly int[] _ofNumbers;

    /// <summary>What comes behind a character in the texts that begin with it.</summary>
    /// <exception cref="FormatException">It costs more than it may.</exception>
    public int Derive(int expression, int character)
    {
        var node = _nodes[expression];
        // What is done in a step is not kept.
        if (node.Kind == Kind.Empty) return None;
        if (node.Kind == Kind.Set) return Has(_sets[node.A], character) ? Empty : None;
        if (_derivatives.TryGetValue((expression, character), out var known)) return known;
        Spend();
        return _derivatives[(expression, character)] = node.Kind switch
        {
            Kind.Sequence when MayBeEmpty(node.A) =>
                Or(Sequence(Derive(node.A, character), node.B), Derive(node.B, character)),
            Kind.Sequence => Sequence(Derive(node.A, character), node.B),
            Kind.Choice => Or(Each(expression, Kind.Choice, character)),
            Kind.Both => And(Each(expression, Kind.Both, character)),
            Kind.Not => Not(Derive(node.A, character)),
            Kind.Repeated => Sequence(
                Derive(node.A, character), Repeated(node.A, Math.Max(0, node.B - 1), node.C - 1)),
            _ => DeriveMultiple(node, character),
        };
    }

    /// <summary>
    /// Characters by each of which of a list an expression has one derivative: all that lie in the same of its sets.
    /// </summary>
    public IReadOnlyList<List<(int First, int Last)>> Classes(int expression)
    {
        List<int> found = [];
        AddSets(expression, found);
        found.Sort();
        int[] sets = [.. found.Where((set, i) => i == 0 || set != found[i - 1])];
        if (_classes.TryGetValue(sets, out var known)) return known;
        var cuts = new SortedSet<int>(sets.SelectMany(set => GbnfCharacters.Pairs(_sets[set]))
            .SelectMany(range => (int[])[range.First, range.Last + 1])) { 1, Beyond };
        var classes = new Dictionary<int[], List<(int First, int Last)>>(EqualNumbers.Instance);
        foreach (var (first, next) in cuts.Zip(cuts.Skip(1)))
        {
            int[] within = [.. sets.Where(set => Has(_sets[set], first))];
            if (!classes.TryGetValue(within, out var ranges)) classes.Add(within, ranges = []);
            ranges.Add((first, next - 1));
        }

        return _classes[sets] = [.. classes.Values];
    }

    /// <summary>Adds the sets that what comes next in an expression's texts is in or not.</summary>
    private void AddSets(int expression, List<int> sets)
    {
        for (; ; expression = _nodes[expression].B)
        {
            var node = _nodes[expression];
            switch (node.Kind)
            {
                case Kind.Set:
                    sets.Add(node.A);
                    return;
                case Kind.Multiple:
                    sets.AddRange(_ofNumbers);
                    return;
                case Kind.Empty:
                    return;
                case Kind.Not or Kind.Repeated:
                    AddSets(node.A, sets);
                    return;
                default:
                    AddSets(node.A, sets);
                    if (node.Kind == Kind.Sequence && !MayBeEmpty(node.A)) return;
                    break;
            }
        }
    }

    private int[] Each(int list, Kind kind, int character)
    {
        List<int> each = [];
        for (; _nodes[list].Kind == kind; list = _nodes[list].B) each.Add(Derive(_nodes[list].A, character));
        each.Add(Derive(list, character));
        return [.. each];
    }

    private int DeriveMultiple(Node node, int character)
    {
        var (of, rest, places) = (node.A, node.B, node.C!.Value);
        if (character == '-') return Multiple(of, rest, places);
        if (character == '.') return places < 0 ? Multiple(of, rest, -1 - places) : None;
        if (character is < '0' or > '9') return None;
        if (places == 0) return character == '0' ? Multiple(of, rest, places) : None;
        return Multiple(of, (int)(((rest * 10L) + character - '0') % of), places > 0 ? places - 1 : places);
    }

    private int Multiple(int of, int rest, int places)
    {
        long all = rest;
        for (var i = places < 0 ? -1 - places : places; i > 0; i--) all = all * 10 % of;
        return Number(new(Kind.Multiple, of, rest, places), all == 0);
    }

    private static bool Has(int[] ranges, int character)
    {
        var at = Array.BinarySearch(ranges, character);
        return at >= 0 || (~at & 1) == 1;
    }
}
