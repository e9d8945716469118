using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// What a model may write. Immutable.
/// </summary>
/// <param name="Gbnf">The grammar; its start is <c>root</c>.</param>
/// <param name="Calls">
/// Where the calls begin that the grammar is of: before them, and in place of them, the model writes what it likes.
/// Null where it is not of calls.
/// </param>
/// <param name="IsOwn">
/// Whether the grammar was made here, and may say what must differ (<see cref="GbnfReader"/>).
/// </param>
/// <param name="Needed">Rules of which there must be texts that end, besides its start, where it was made here.</param>
internal sealed record OutputGrammar(
    string Gbnf, CallStart? Calls = null, bool IsOwn = false, IReadOnlyList<string>? Needed = null)
{
    /// <summary>Whether it is of the whole answer.</summary>
    public bool HoldsFromStart => Calls is null || Calls == CallStart.AtOnce;

    private readonly Lazy<GbnfSymbol> _root = new(() => GbnfReader.Read(Gbnf, IsOwn, Needed));

    /// <summary>The most that a client's own grammar may have; what schemas become is bounded by its rules.</summary>
    private const int MostGivenCharacters = 64 << 10;

    /// <summary>An answer that is an instance of a JSON schema.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="strict">Whether all of it must be enforced; else what cannot be is left out.</param>
    /// <exception cref="RuntimeErrorException">AR1004 or AR1010, as of <see cref="JsonSchemaGrammar"/>.</exception>
    public static OutputGrammar OfSchema(JsonElement schema, bool strict = false)
    {
        var (rule, rules) = JsonSchemaGrammar.Translate(schema, "", new(), strict: strict ? "response_format" : null);
        return OfSchemas($"root ::= {rule}\n{rules}{BasicRules.Text}", null, []);
    }

    /// <summary>An answer that is any JSON object.</summary>
    public static OutputGrammar OfAnyObject() => new("root ::= object\n" + BasicRules.Text);

    /// <summary>An answer that is one of these texts.</summary>
    public static OutputGrammar OfChoice(IEnumerable<string> texts)
    {
        var rules = new StringBuilder();
        LiteralTree.Define(rules, "root", texts);
        return Given(rules.ToString(), int.MaxValue);
    }

    /// <summary>An answer that is of a regular expression from end to end.</summary>
    /// <exception cref="RuntimeErrorException">AR1010: it is none, or no grammar says it.</exception>
    public static OutputGrammar OfPattern(string pattern) => PatternGrammar.Whole(pattern) is { } rules
        ? Given(rules, int.MaxValue)
        : throw CompletionRequestReader.Unsupported("a regular expression that no grammar says", "regex");

    /// <summary>An answer by a client's own grammar.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR1004: it does not parse, or has a rule that begins with itself.
    /// </exception>
    public static OutputGrammar Given(string gbnf) => Given(gbnf, MostGivenCharacters);

    /// <summary>Its start.</summary>
    /// <exception cref="FormatException">It does not parse.</exception>
    public GbnfSymbol Root => _root.Value;

    /// <summary>An answer by a grammar that was made of schemas.</summary>
    /// <param name="gbnf">The grammar.</param>
    /// <param name="calls">As <see cref="Calls"/>.</param>
    /// <param name="needed">As <see cref="Needed"/>.</param>
    /// <exception cref="RuntimeErrorException">AR1010: it is too large, or nothing is by it.</exception>
    public static OutputGrammar OfSchemas(string gbnf, CallStart? calls, string[] needed)
    {
        var grammar = new OutputGrammar(gbnf, calls, IsOwn: true, needed);
        return grammar.WhyNot() is { } reason
            ? throw CompletionRequestReader.Unsupported(
                $"a JSON schema makes a grammar that cannot be used: {reason}", "json_schema")
            : grammar;
    }

    private static OutputGrammar Given(string gbnf, int mostCharacters)
    {
        var grammar = new OutputGrammar(gbnf);
        var reason = gbnf.Length > mostCharacters
            ? $"it has more than {mostCharacters} characters"
            : grammar.WhyNot();
        return reason is null
            ? grammar
            : throw CompletionRequestReader.Malformed($"the grammar cannot be used: {reason}", "grammar");
    }

    private string? WhyNot()
    {
        try
        {
            _ = Root;
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }
}
