using System.Text;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Http;

/// <summary>
/// A conversation as the text that the model reads. Tools follow the Hermes convention (NousResearch, also Qwen's):
/// definitions in <c>&lt;tools&gt;</c> of the system message, calls in <c>&lt;tool_call&gt;</c>, results in
/// <c>&lt;tool_response&gt;</c>. Thread-safe.
/// </summary>
internal sealed class PromptBuilder(ChatTemplate template)
{
    private const string ToolsBefore =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

    private const string ToolsAfter =
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
        + "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
        + "</tool_call>";

    public string Build(IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools)
    {
        var rendered = new List<(string Role, string Content)>(messages.Count + 1);
        if (tools.Count > 0)
        {
            var system = messages[0].Role == "system" ? messages[0].Content + "\n\n" : "";
            rendered.Add(("system", system + Describe(tools)));
            if (messages[0].Role == "system") messages = [.. messages.Skip(1)];
        }

        foreach (var message in messages)
        {
            rendered.Add(message.Role == "tool"
                ? ("user", $"<tool_response>\n{message.Content}\n</tool_response>")
                : (message.Role, message.Content + Calls(message.ToolCalls)));
        }

        return template.Render(rendered);
    }

    private static string Describe(IReadOnlyList<RequestTool> tools)
    {
        var text = new StringBuilder(ToolsBefore);
        foreach (var tool in tools) text.Append("\n{\"type\": \"function\", \"function\": ").Append(tool.Json).Append('}');
        return text.Append(ToolsAfter).ToString();
    }

    private static string Calls(IReadOnlyList<RequestToolCall> calls) => string.Concat(calls.Select(call =>
        $"\n<tool_call>\n{{\"name\": \"{call.Name}\", \"arguments\": {call.ArgumentsJson}}}\n</tool_call>"));
}
