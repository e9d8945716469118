using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Writes rules for one text of several, in which texts that begin alike share that beginning: all alternatives are
/// followed at once, which the list as it is would make too many. Stateless.
/// </summary>
internal static class LiteralTree
{
    /// <summary>Adds a rule, and more that are named after it.</summary>
    /// <param name="rules">The grammar so far.</param>
    /// <param name="name">The rule's name.</param>
    /// <param name="texts">The texts; not empty.</param>
    public static void Define(StringBuilder rules, string name, IEnumerable<string> texts)
    {
        var count = 0;
        var open = new Queue<(string Name, string[] Texts, int From)>([(name, [.. texts.Distinct()], 0)]);
        while (open.TryDequeue(out var node))
        {
            var alternatives = node.Texts.GroupBy(text => Character(text, node.From)).Select(group =>
            {
                string[] alike = [.. group];
                if (alike.Length == 1) return JsonSchemaGrammar.Literal(alike[0][node.From..]);
                var to = EndOfBeginning(alike, node.From);
                var rest = $"{name}-{++count}";
                open.Enqueue((rest, alike, to));
                return $"{JsonSchemaGrammar.Literal(alike[0][node.From..to])} {rest}";
            });
            rules.Append(node.Name).Append(" ::= ").AppendJoin(" | ", alternatives).Append('\n');
        }
    }

    /// <summary>The character at a place, of one or two UTF-16 units; empty at the end.</summary>
    private static string Character(string text, int at) => at == text.Length ? ""
        : text.Substring(at, char.IsSurrogatePair(text, at) ? 2 : 1);

    /// <summary>Where texts, of which the character at <paramref name="from"/> is the same, begin to differ.</summary>
    private static int EndOfBeginning(string[] texts, int from)
    {
        var length = texts.Min(text => text.AsSpan(from).CommonPrefixLength(texts[0].AsSpan(from)));
        var least = Character(texts[0], from).Length;
        return from + (length > least && char.IsHighSurrogate(texts[0], from + length - 1) ? length - 1 : length);
    }
}
