using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression of <c>patternProperties</c> (ECMA-262), as far as a grammar says it. All names together go
/// through no more places than an automaton does for one token, whoever wrote it. Not thread-safe.
/// </summary>
internal sealed class NamePattern
{
    private readonly GrammarAutomaton _automaton;

    private NamePattern(string rules) => _automaton = new(GbnfReader.Read(rules));

    /// <summary>Reads one; null when no grammar says it.</summary>
    public static NamePattern? Read(string text) => PatternGrammar.Part(text) is { } rules ? new(rules) : null;

    /// <summary>Whether a name has the pattern somewhere; null when it takes too long to say.</summary>
    public bool? Matches(string name)
    {
        var at = _automaton.Start;
        foreach (var part in Encoding.UTF8.GetBytes(name))
            if (!(at = _automaton.Step(at, part)).IsAlive)
                break;
        return at.IsTooWide ? null : _automaton.MayEnd(at);
    }
}
