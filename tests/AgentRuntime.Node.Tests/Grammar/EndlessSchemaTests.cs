using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>Schemas that are within themselves: what they write ends.</summary>
public sealed class EndlessSchemaTests
{
    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""")]
    [InlineData("""{"type":"array","items":{"$ref":"#"},"minItems":1}""")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"type":"array","prefixItems":[{"$ref":"#/$defs/b"}],"""
        + """ "minItems":1},"b":{"type":"object","additionalProperties":{"$ref":"#/$defs/a"},"minProperties":1}}}""")]
    public void One_of_which_nothing_ends_is_refused(string schema)
    {
        Assert.Contains("without end", SchemaText.Refusal(schema).Message, StringComparison.Ordinal);
        Assert.Contains("without end", SchemaText.Refusal(schema, strict: true).Message, StringComparison.Ordinal);
    }

    [Theory]
    // An object that must have one like it, beside null; a property of it that may be left out; items of it.
    [InlineData("""{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}],"$defs":{"a":{"type":"object","""
        + """ "properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}}}""", "null", "{")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#/$defs/a"},"b":{}},"$defs":{"a":{"type":"object","""
        + """ "properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}}}""", """{"b":1}""", """{"a""")]
    [InlineData("""{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"array","""
        + """ "items":{"$ref":"#/$defs/a"},"minItems":1}}}""", "[]", "[[")]
    // Nothing satisfies the one that is within itself: its name is all there is of it.
    [InlineData("""{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"object","required":["l","n"],"""
        + """ "properties":{"l":{"type":"array","items":{"$ref":"#/$defs/a"}},"n":false}}}}""", "[]", "[{")]
    public void Where_something_ends_only_that_is_written(string schema, string instance, string beginning)
    {
        var grammar = SchemaText.Grammar(schema, strict: true);
        Assert.True(SchemaText.Takes(grammar, instance));
        var automaton = new GrammarAutomaton(grammar.Root);
        Assert.False(beginning.Aggregate(automaton.Start, (at, c) => automaton.Step(at, (byte)c)).IsAlive);
    }

    [Fact]
    public void A_tool_is_refused_that_could_never_be_called()
    {
        RequestTool[] tools =
        [
            new("ok", "{}", """{"type":"object"}"""),
            new("endless", "{}", """{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"""),
        ];
        Assert.NotNull(CallGrammar.Of([tools[0]], ToolCallSyntax.Hermes, required: false));
        Assert.Contains("without end", Assert.Throws<RuntimeErrorException>(
            () => CallGrammar.Of(tools, ToolCallSyntax.Hermes, required: false)).Error.Message,
            StringComparison.Ordinal);
    }
}
