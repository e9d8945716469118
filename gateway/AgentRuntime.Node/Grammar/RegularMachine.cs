using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression as a machine whose states are its derivatives, of which each leads to some text's end.
/// Immutable.
/// </summary>
internal sealed class RegularMachine
{
    /// <summary>What a rule of its own says in less.</summary>
    private const int MostInline = 40;

    private readonly bool[] _mayEnd;
    private readonly List<(int[] Ranges, int To)>[] _edges;

    private RegularMachine(bool[] mayEnd, List<(int[] Ranges, int To)>[] edges) => (_mayEnd, _edges) = (mayEnd, edges);

    /// <summary>How many states it has; the first one is the start.</summary>
    public int Count => _mayEnd.Length;

    /// <summary>The machine of an expression; null when it has no text.</summary>
    /// <exception cref="FormatException">It has more states than are wanted.</exception>
    public static RegularMachine? Of(RegularExpressions expressions, int start, int mostStates)
    {
        List<int> states = [start];
        var numbers = new Dictionary<int, int> { [start] = 0 };
        List<List<(int[] Ranges, int To)>> edges = [];
        Dictionary<object, Dictionary<int[], int[]>> known = [];
        for (var i = 0; i < states.Count; i++)
        {
            Dictionary<int, List<int>> targets = [];
            var classes = expressions.Classes(states[i]);
            for (var one = 0; one < classes.Count; one++)
            {
                var to = expressions.Derive(states[i], classes[one][0].First);
                if (to == RegularExpressions.None) continue;
                if (!numbers.TryGetValue(to, out var number))
                {
                    if (states.Count == mostStates) throw new FormatException("it has too many states");
                    numbers.Add(to, number = states.Count);
                    states.Add(to);
                }

                if (!targets.TryGetValue(number, out var all)) targets.Add(number, all = []);
                all.Add(one);
            }

            edges.Add([.. targets.Select(t => (Ranges(classes, t.Value), t.Key)).Where(e => e.Item1.Length > 0)]);
        }

        return Living([.. states.Select(expressions.MayBeEmpty)], edges);

        // The same one for the same classes: there are few of them, and many edges.
        int[] Ranges(IReadOnlyList<List<(int First, int Last)>> classes, List<int> which)
        {
            if (!known.TryGetValue(classes, out var all)) known.Add(classes, all = new(EqualNumbers.Instance));
            int[] key = [.. which];
            return all.TryGetValue(key, out var ranges) ? ranges
                : all[key] = GbnfCharacters.All(which.SelectMany(one => classes[one]));
        }
    }

    /// <summary>Writes rules of a grammar, and returns the expression of the start.</summary>
    /// <param name="rules">Where to.</param>
    /// <param name="name">Begins the names of the rules.</param>
    /// <param name="set">How characters are written.</param>
    /// <param name="end">What comes at the end.</param>
    public string Write(StringBuilder rules, string name, Func<int[], string> set, string end)
    {
        var from = new int[Count];
        foreach (var edge in _edges.SelectMany(e => e)) from[edge.To]++;
        Dictionary<int[], string> characters = [];
        List<string> sets = [];
        for (var i = 0; i < Count; i++)
            if (i == 0 || !IsWithin(i))
                rules.Append(CultureInfo.InvariantCulture, $"{name}s{i} ::= {Alternatives(i)}\n");
        for (var i = 0; i < sets.Count; i++) rules.Append(CultureInfo.InvariantCulture, $"{name}c{i} ::= {sets[i]}\n");
        return name + "s0";

        // Whether a state goes on in one way, and is written where it is come to.
        bool IsWithin(int state) => (from[state] == 1 && _edges[state].Count == (_mayEnd[state] ? 0 : 1));

        string Alternatives(int state)
        {
            var options = _edges[state].Select(edge =>
            {
                var text = new StringBuilder(Characters(edge.Ranges));
                var to = edge.To;
                for (; IsWithin(to) && !_mayEnd[to]; to = _edges[to][0].To)
                    text.Append(' ').Append(Characters(_edges[to][0].Ranges));
                return IsWithin(to) ? text.Append(' ').Append(end).ToString()
                    : text.Append(CultureInfo.InvariantCulture, $" {name}s{to}").ToString();
            });
            return string.Join(" | ", _mayEnd[state] ? options.Append(end) : options);
        }

        string Characters(int[] ranges)
        {
            if (characters.TryGetValue(ranges, out var text)) return text;
            if ((text = set(ranges)).Length > MostInline)
            {
                sets.Add(text);
                text = string.Create(CultureInfo.InvariantCulture, $"{name}c{sets.Count - 1}");
            }

            return characters[ranges] = text;
        }
    }

    private static RegularMachine? Living(bool[] mayEnd, List<List<(int[] Ranges, int To)>> edges)
    {
        var from = new List<int>[mayEnd.Length];
        for (var i = 0; i < from.Length; i++) from[i] = [];
        for (var i = 0; i < from.Length; i++) edges[i].ForEach(edge => from[edge.To].Add(i));
        var open = new Stack<int>(Enumerable.Range(0, mayEnd.Length).Where(i => mayEnd[i]));
        var isLiving = (bool[])mayEnd.Clone();
        while (open.TryPop(out var state))
        {
            foreach (var before in from[state])
            {
                if (isLiving[before]) continue;
                isLiving[before] = true;
                open.Push(before);
            }
        }

        if (!isLiving[0]) return null;
        int[] left = [.. Enumerable.Range(0, mayEnd.Length).Where(i => isLiving[i])];
        var numbers = left.Index().ToDictionary(s => s.Item, s => s.Index);
        return new([.. left.Select(s => mayEnd[s])], [.. left.Select(s => edges[s]
            .Where(edge => isLiving[edge.To]).Select(edge => (edge.Ranges, numbers[edge.To])).ToList())]);
    }
}
