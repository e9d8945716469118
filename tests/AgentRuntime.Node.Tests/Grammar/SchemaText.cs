using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What texts the grammar of a schema takes, by the automaton alone.</summary>
internal static class SchemaText
{
    public static OutputGrammar Grammar(string schema, bool strict = false)
    {
        using var json = JsonDocument.Parse(schema);
        return OutputGrammar.OfSchema(json.RootElement, strict);
    }

    public static bool Takes(OutputGrammar grammar, string text)
    {
        var automaton = new GrammarAutomaton(grammar.Root);
        var at = new AnswerPlace(automaton.Start);
        foreach (var part in Encoding.UTF8.GetBytes(text))
        {
            automaton.Begin();
            at = automaton.Step(at, part);
        }

        return automaton.MayEnd(at.At);
    }

    public static void WritesOnly(string schema, string instance, string[] others, bool strict = false)
    {
        var grammar = Grammar(schema, strict);
        Assert.True(Takes(grammar, instance), grammar.Gbnf);
        Assert.All(others, other => Assert.False(Takes(grammar, other), other));
    }

    public static RuntimeError Refusal(string schema, bool strict = false)
    {
        var error = Assert.Throws<RuntimeErrorException>(() => Grammar(schema, strict)).Error;
        Assert.Equal(ReasonCodes.UnsupportedParameter, error.Code);
        return error;
    }
}
