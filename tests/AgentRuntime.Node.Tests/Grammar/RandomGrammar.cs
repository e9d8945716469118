using System.Text.Json;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>Makes small grammars over the letters a to c.</summary>
internal sealed class RandomGrammar
{
    private const int Rules = 4;

    private readonly Random _random;
    private readonly bool _mayBeEmpty;

    private RandomGrammar(int seed, bool mayBeEmpty) => (_random, _mayBeEmpty) = (new Random(seed), mayBeEmpty);

    /// <summary>A grammar; the same for the same seed.</summary>
    /// <param name="seed">Of its choices.</param>
    /// <param name="mayBeEmpty">Whether its parts may be empty; else each begins with a letter.</param>
    public static string Of(int seed, bool mayBeEmpty)
    {
        var grammar = new RandomGrammar(seed, mayBeEmpty);
        return string.Concat(Enumerable.Range(0, Rules)
            .Select(i => $"{(i == 0 ? "root" : $"r{i}")} ::= {grammar.Alternatives(0)}\n"));
    }

    /// <summary>A schema of alternatives that begin alike, and contain one another before they differ.</summary>
    public static JsonElement Alike(int alternatives) => JsonDocument.Parse(
        "{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"anyOf\": ["
        + string.Join(", ", Enumerable.Range(0, alternatives).Select(i =>
            "{\"type\": \"object\", \"required\": [\"x\", \"k\"], \"additionalProperties\": false, \"properties\": "
            + $"{{\"x\": {{\"$ref\": \"#/$defs/a\"}}, \"k\": {{\"const\": {i}}}}}}}"))
        + ", {\"type\": \"null\"}]}}}").RootElement;

    private string Alternatives(int depth) =>
        string.Join(" | ", Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Sequence(depth)));

    private string Sequence(int depth) => string.Join(' ', Enumerable.Range(0, _random.Next(1, 4))
        .Select(i => i == 0 && !_mayBeEmpty ? Letters() : Element(depth)));

    private string Element(int depth) => _random.Next(6) switch
    {
        0 => $"r{_random.Next(1, Rules)}",
        1 when depth < 2 => $"({Alternatives(depth + 1)}){Repeat()}",
        2 when _mayBeEmpty => "\"\"",
        3 => Letters() + Repeat(),
        _ => Letters(),
    };

    private string Letters() => _random.Next(4) switch
    {
        0 => "[ab]",
        1 => "[^a]",
        2 => $"\"{(char)('a' + _random.Next(3))}{(char)('a' + _random.Next(3))}\"",
        _ => $"\"{(char)('a' + _random.Next(3))}\"",
    };

    private string Repeat() => _random.Next(7) switch
    {
        0 => "*", 1 => "+", 2 => "?", 3 => "{2}", 4 => "{0,2}", 5 => "{1,}", _ => "{2,3}",
    };
}
