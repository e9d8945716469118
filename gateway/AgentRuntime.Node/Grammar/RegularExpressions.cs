namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Regular expressions over Unicode's characters, with intersection and complement. Each is a number; those that are
/// built alike are the same one. Not thread-safe.
/// </summary>
internal sealed partial class RegularExpressions
{
    /// <summary>No text.</summary>
    public const int None = 0;

    /// <summary>The empty text.</summary>
    public const int Empty = 1;

    /// <summary>Any text.</summary>
    public const int All = 2;

    /// <summary>Expressions and derivatives that are found out, some 0.1 s and 20 MB.</summary>
    private const int MostEffort = 100_000;

    /// <summary>Texts that begin alike, one more at each of so many places, are not taken apart further.</summary>
    private const int MostDepth = 200;

    private readonly List<Node> _nodes = [];
    private readonly List<bool> _mayBeEmpty = [];
    private readonly Dictionary<Node, int> _numbers = [];
    private readonly List<int[]> _sets = [];
    private readonly Dictionary<int[], int> _setNumbers = new(EqualNumbers.Instance);

    private int _left = MostEffort;

    public RegularExpressions()
    {
        Number(new(Kind.Set, AddSet([])), mayBeEmpty: false);
        Number(new(Kind.Empty), mayBeEmpty: true);
        Number(new(Kind.Not, None), mayBeEmpty: true);
        Any = Set(GbnfCharacters.Any.Ranges(0).ToArray());
        _ofNumbers = [.. "-.0123456789".Select(c => AddSet([c, c]))];
    }

    private enum Kind
    {
        Empty,
        Set,
        Sequence,
        Choice,
        Both,
        Not,
        Repeated,
        Multiple,
    }

    /// <summary>Any one character.</summary>
    public int Any { get; }

    /// <summary>Whether the empty text is one of an expression's.</summary>
    public bool MayBeEmpty(int expression) => _mayBeEmpty[expression];

    /// <summary>One of these characters.</summary>
    /// <param name="ranges">The first and last of each range of them, ascending and apart.</param>
    public int Set(int[] ranges) =>
        ranges.Length == 0 ? None : Number(new(Kind.Set, AddSet(ranges)), mayBeEmpty: false);

    /// <summary>One behind the other.</summary>
    public int Sequence(int first, int rest)
    {
        if (first == None || rest == None) return None;
        if (first == Empty) return rest;
        if (rest == Empty) return first;
        if (first == All && (rest == All || (_nodes[rest] is { Kind: Kind.Sequence, A: All }))) return rest;
        return _nodes[first].Kind == Kind.Sequence
            ? Sequence(_nodes[first].A, Sequence(_nodes[first].B, rest))
            : Number(new(Kind.Sequence, first, rest), MayBeEmpty(first) && MayBeEmpty(rest));
    }

    /// <summary>A text of one of them.</summary>
    public int Or(params ReadOnlySpan<int> expressions)
    {
        List<int> all = [];
        List<(int First, int Last)>? ranges = null;
        var only = None;
        foreach (var expression in expressions) Add(expression);
        if (all.Contains(All)) return All;
        if (ranges is not null) all.Add(Set(GbnfCharacters.All(ranges)));
        else if (only != None) all.Add(only);
        return List(Kind.Choice, all, None);

        void Add(int expression)
        {
            for (; _nodes[expression].Kind == Kind.Choice; expression = _nodes[expression].B) Add(_nodes[expression].A);
            if (_nodes[expression].Kind != Kind.Set)
            {
                all.Add(expression);
                return;
            }

            if (expression == None || expression == only) return;
            if (only == None)
            {
                only = expression;
                return;
            }

            ranges ??= [.. GbnfCharacters.Pairs(_sets[_nodes[only].A])];
            ranges.AddRange(GbnfCharacters.Pairs(_sets[_nodes[expression].A]));
        }
    }

    /// <summary>A text of each of them.</summary>
    public int And(params ReadOnlySpan<int> expressions)
    {
        var (all, isNone) = (new List<int>(), false);
        foreach (var expression in expressions) Add(expression);
        if (isNone) return None;
        if (all.Contains(Empty)) return all.TrueForAll(MayBeEmpty) ? Empty : None;
        return List(Kind.Both, all, All);

        void Add(int expression)
        {
            for (; _nodes[expression].Kind == Kind.Both; expression = _nodes[expression].B) Add(_nodes[expression].A);
            if (expression == None) isNone = true;
            else if (expression != All) all.Add(expression);
        }
    }

    /// <summary>A text that is none of its.</summary>
    public int Not(int expression) => _nodes[expression].Kind == Kind.Not
        ? _nodes[expression].A : Number(new(Kind.Not, expression), !MayBeEmpty(expression));

    /// <summary>Several of its texts one behind the other; null for without end.</summary>
    public int Repeated(int expression, int least, int? most)
    {
        if (MayBeEmpty(expression)) least = 0;
        if (most == 0 || expression == Empty) return Empty;
        if (expression == None) return least == 0 ? Empty : None;
        if ((least, most) == (1, 1) || expression == All) return expression;
        return expression == Any && (least, most) == (0, null)
            ? All : Number(new(Kind.Repeated, expression, least, most), least == 0);
    }

    /// <summary>
    /// Numbers with digits on both sides of a point, or no point, that are multiples of a decimal; whether they are
    /// written as numbers are, another expression says.
    /// </summary>
    /// <param name="of">The decimal without its point, and</param>
    /// <param name="places">how many of its digits are behind that.</param>
    public int Multiple(int of, int places) => Multiple(of, 0, -1 - places);

    /// <summary>One of these texts.</summary>
    public int Literals(IEnumerable<string> texts) => Literals(
        [.. texts.Select(text => text.EnumerateRunes().Select(rune => rune.Value).ToArray())], 0, 0);

    /// <summary>Texts of a grammar's rule that does not refer to itself.</summary>
    public int Of(GbnfSymbol rule) => Or([.. rule.Alternatives.Select(alternative =>
        Enumerable.Reverse(alternative).Aggregate(Empty, (rest, element) => Sequence(Of(element), rest)))]);

    private int Of(GbnfElement element)
    {
        if (element.Rule is { } rule) return Repeated(Of(rule), element.Least, element.Most);
        var one = Empty;
        for (var i = element.Characters!.Length - 1; i >= 0; i--)
            one = Sequence(Set(element.Characters.Ranges(i).ToArray()), one);
        return Repeated(one, element.Least, element.Most);
    }

    private int Literals(int[][] texts, int from, int depth)
    {
        if (depth > MostDepth) throw new FormatException("it has texts that begin alike too often");
        List<int> options = [];
        foreach (var group in texts.GroupBy(text => from < text.Length ? text[from] : -1))
        {
            int[][] alike = [.. group];
            var to = from + (alike.Length > 1 && group.Key >= 0
                ? alike.Min(text => text.AsSpan(from).CommonPrefixLength(alike[0].AsSpan(from)))
                : alike[0].Length - from);
            var rest = alike.Length > 1 && group.Key >= 0 ? Literals(alike, to, depth + 1) : Empty;
            for (var i = to - 1; i >= from; i--) rest = Sequence(Set([alike[0][i], alike[0][i]]), rest);
            options.Add(rest);
        }

        return Or([.. options]);
    }

    /// <summary>A list of at least two as pairs of the first one and the rest.</summary>
    private int List(Kind kind, List<int> items, int ofNothing)
    {
        if (items.Count == 0) return ofNothing;
        items.Sort();
        var list = items[^1];
        for (var i = items.Count - 2; i >= 0; i--)
        {
            var item = items[i];
            if (item == items[i + 1]) continue;
            var isEmpty = kind == Kind.Choice
                ? MayBeEmpty(item) || MayBeEmpty(list) : MayBeEmpty(item) && MayBeEmpty(list);
            list = Number(new(kind, item, list), isEmpty);
        }

        return list;
    }

    private int Number(Node node, bool mayBeEmpty)
    {
        if (_numbers.TryGetValue(node, out var number)) return number;
        // The first ones are always there.
        if (_nodes.Count > All + 1) Spend();
        _nodes.Add(node);
        _mayBeEmpty.Add(mayBeEmpty);
        _numbers.Add(node, _nodes.Count - 1);
        return _nodes.Count - 1;
    }

    private void Spend()
    {
        if (_left == 0) throw new FormatException("it has too many parts");
        _left--;
    }

    private int AddSet(int[] ranges)
    {
        if (_setNumbers.TryGetValue(ranges, out var number)) return number;
        _sets.Add(ranges);
        _setNumbers.Add(ranges, _sets.Count - 1);
        return _sets.Count - 1;
    }

    /// <summary>
    /// An expression: of others A and B, with a set of characters A, or A repeated B to C times; of a multiple of A the
    /// remainder B and, in C, how many places are to come, or before the point the complement of their number.
    /// </summary>
    private readonly record struct Node(Kind Kind, int A = 0, int B = 0, int? C = 0);
}
