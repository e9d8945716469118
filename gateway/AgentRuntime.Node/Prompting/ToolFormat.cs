using System.Text;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// How a model whose chat template has no tools, or writes calls in a way that is not read here, is told of them: by
/// the convention of NousResearch's Hermes models, and of Qwen's. A call is a JSON object with <c>name</c> and
/// <c>arguments</c> within <c>&lt;tool_call&gt;</c>. What tools and calls consist of passes through
/// <paramref name="neutral"/>; the format's own words do not, which may be control tokens. Thread-safe.
/// </summary>
/// <param name="neutral">Breaks the spelling of control tokens.</param>
internal sealed class ToolFormat(Func<string, string> neutral)
{
    public const string CallStart = "<tool_call>";

    public const string CallEnd = "</tool_call>";

    private const string Before =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

    private const string After =
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
        + "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        + "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
        + "</tool_call>";

    /// <summary>The system message's text, which is neutral, with the tools in it.</summary>
    public string System(string? system, IReadOnlyList<RequestTool> tools)
    {
        var text = new StringBuilder();
        if (!string.IsNullOrEmpty(system)) text.Append(system).Append("\n\n");
        text.Append(Before);
        foreach (var tool in tools)
            text.Append("\n{\"type\": \"function\", \"function\": ").Append(neutral(tool.Json)).Append('}');
        return text.Append(After).ToString();
    }

    /// <summary>A call of an earlier turn.</summary>
    public string Call(RequestToolCall call) =>
        $"\n{CallStart}\n{{\"name\": {neutral(RequestJson.Compact(call.Name))}, "
        + $"\"arguments\": {neutral(call.ArgumentsJson)}}}\n{CallEnd}";

    /// <summary>A tool's result, which is neutral, as a user's turn.</summary>
    public static string Result(string content) => $"<tool_response>\n{content}\n</tool_response>";
}
