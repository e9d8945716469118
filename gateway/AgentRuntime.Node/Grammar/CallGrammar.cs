using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Grammars of calls as a model writes them, with arguments that fit the tools' schemas. Stateless.
/// </summary>
internal static class CallGrammar
{
    /// <summary>
    /// Stands before the text of a control token, and in no other token: a marker may be one or may be spelled, but
    /// within texts of JSON, which have no such character, there is none.
    /// </summary>
    public const byte Control = 1;

    private const string MistralStart = "[TOOL_CALLS]";
    private const string Next = "ws \",\" ws";
    private const string CallId = "\"\\\"\" [a-zA-Z0-9]{9} \"\\\"\"";

    /// <summary>Calls of these tools.</summary>
    /// <param name="tools">The tools that may be called; not empty.</param>
    /// <param name="syntax">How the model writes calls: one of those that models have.</param>
    /// <param name="required">Whether the answer must be calls.</param>
    /// <param name="single">Whether there may be no more than one.</param>
    /// <exception cref="RuntimeErrorException">AR1004 or AR1010, as of <see cref="JsonSchemaGrammar"/>.</exception>
    public static OutputGrammar Of(
        IReadOnlyList<RequestTool> tools, ToolCallSyntax syntax, bool required, bool single = false)
    {
        var text = new StringBuilder(Root(syntax, required, single))
            .Append("one ::= ").AppendJoin(" | ", tools.Select((_, i) => $"t{i}")).Append('\n');
        var merge = new SchemaMerge();
        for (var i = 0; i < tools.Count; i++)
        {
            using var schema = JsonDocument.Parse(tools[i].ParametersJson ?? "{}");
            var (rule, rules) = JsonSchemaGrammar.Translate(schema.RootElement, $"t{i}x", merge, isObject: true,
                tools[i].Strict ? $"function '{tools[i].Name}'" : null);
            text.Append('t').Append(i).Append(" ::= ").Append(Call(syntax, tools[i].Name, rule)).Append('\n')
                .Append(rules);
        }

        return OutputGrammar.OfSchemas(text.Append(BasicRules.Text).ToString(),
            required ? CallStart.AtOnce : Start(syntax, tools), [.. tools.Select((_, i) => $"t{i}")]);
    }

    /// <summary>The rules of an answer; of one that need not be calls, from behind the first marker on.</summary>
    private static string Root(ToolCallSyntax syntax, bool required, bool single)
    {
        var first = required ? "call" : "rest";
        return syntax switch
        {
            ToolCallSyntax.Hermes => $"root ::= {first}{More("ws call")}\n"
                + $"call ::= {Marker(ToolFormat.CallStart)} rest\n"
                + $"rest ::= ws one ws {Marker(ToolFormat.CallEnd)}\n",
            // These models were trained on one call a turn.
            ToolCallSyntax.Llama3 => "root ::= ws one\n",
            ToolCallSyntax.MistralList => $"root ::= {first}\n"
                + $"call ::= {Marker(MistralStart)} rest\n"
                + $"rest ::= ws \"[\" ws one{More("ws \",\" ws one")} ws \"]\"\n",
            ToolCallSyntax.MistralNames => $"root ::= {first}{More("call")}\n"
                + $"call ::= {Marker(MistralStart)} rest\nrest ::= one\n"
                + $"id ::= {Marker("[CALL_ID]")} [a-zA-Z0-9]{{9}}\n",
            _ => throw new ArgumentOutOfRangeException(nameof(syntax)),
        };

        string More(string again) => single ? "" : $" ({again}){{0,15}}";
    }

    private static string Call(ToolCallSyntax syntax, string tool, string arguments)
    {
        var name = Member("name", JsonSchemaGrammar.Literal(RequestJson.Compact(tool)));
        return syntax switch
        {
            ToolCallSyntax.Llama3 => Object(
                $"({Member("type", "\"\\\"function\\\"\"")} {Next})? {name} {Next} {Member("parameters", arguments)}"),
            ToolCallSyntax.MistralList => Object(
                $"{name} {Next} {Member("arguments", arguments)} ({Next} {Member("id", CallId)})?"),
            ToolCallSyntax.MistralNames => $"{JsonSchemaGrammar.Literal(tool)} id? {Marker("[ARGS]")} ws {arguments}",
            _ => Object($"{name} {Next} {Member("arguments", arguments)}"),
        };

        static string Object(string members) => $"\"{{\" ws {members} ws \"}}\"";
        static string Member(string name, string value) =>
            $"{JsonSchemaGrammar.Literal(RequestJson.Compact(name))} ws \":\" ws {value}";
    }

    private static string Marker(string text) => $"\"\\x01\"? {JsonSchemaGrammar.Literal(text)}";

    private static CallStart Start(ToolCallSyntax syntax, IReadOnlyList<RequestTool> tools) => syntax switch
    {
        ToolCallSyntax.Hermes => new(ToolFormat.CallStart, []),
        ToolCallSyntax.Llama3 => new(null, [.. tools.Select(t => RequestJson.Compact(t.Name)).SelectMany(
            name => (string[])[$"{{\"name\":{name}", $"{{\"type\":\"function\",\"name\":{name}"])]),
        _ => new(MistralStart, []),
    };
}
