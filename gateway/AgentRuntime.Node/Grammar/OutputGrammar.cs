using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// What a model may write. Immutable.
/// </summary>
/// <param name="Gbnf">The grammar; its start is <c>root</c>.</param>
/// <param name="OnlyAfterCallStart">
/// Whether the grammar takes effect with the first <c>&lt;tool_call&gt;</c> (llama.cpp's lazy grammars): before it the
/// model writes what it likes.
/// </param>
internal sealed record OutputGrammar(string Gbnf, bool OnlyAfterCallStart)
{
    /// <summary>An answer that is an instance of a JSON schema.</summary>
    public static OutputGrammar OfSchema(JsonElement schema)
    {
        var (rule, rules) = JsonSchemaGrammar.Translate(schema, "");
        return new($"root ::= {rule}\n{rules}{BasicRules.Text}", OnlyAfterCallStart: false);
    }

    /// <summary>An answer that is any JSON object.</summary>
    public static OutputGrammar OfAnyObject() => new("root ::= object\n" + BasicRules.Text, OnlyAfterCallStart: false);

    /// <summary>Calls of these tools with arguments that fit their schemas.</summary>
    /// <param name="tools">The tools that may be called; not empty.</param>
    /// <param name="required">Whether the answer must be calls.</param>
    public static OutputGrammar OfTools(IReadOnlyList<RequestTool> tools, bool required)
    {
        var text = new StringBuilder("root ::= call (ws call){0,15}\n");
        text.Append("call ::= ").Append(JsonSchemaGrammar.Literal(ToolFormat.CallStart)).Append(" ws (")
            .AppendJoin(" | ", tools.Select((_, i) => $"t{i}")).Append(") ws ")
            .Append(JsonSchemaGrammar.Literal(ToolFormat.CallEnd)).Append('\n');
        for (var i = 0; i < tools.Count; i++)
        {
            using var schema = JsonDocument.Parse(tools[i].ParametersJson ?? """{"type":"object"}""");
            var (rule, rules) = JsonSchemaGrammar.Translate(schema.RootElement, $"t{i}x");
            text.Append('t').Append(i).Append(" ::= \"{\" ws \"\\\"name\\\"\" ws \":\" ws ")
                .Append(JsonSchemaGrammar.Literal($"\"{JsonEncodedText.Encode(tools[i].Name)}\""))
                .Append(" ws \",\" ws \"\\\"arguments\\\"\" ws \":\" ws ").Append(rule).Append(" ws \"}\"\n")
                    .Append(rules);
        }

        return new(text.Append(BasicRules.Text).ToString(), OnlyAfterCallStart: !required);
    }
}
