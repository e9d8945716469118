using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// How a model is told of tools and writes calls. Either way a call is a JSON object with <c>name</c> and
/// <c>arguments</c> within <c>&lt;tool_call&gt;</c>. What tools and calls consist of passes through
/// <paramref name="neutral"/>; the format's own words do not, which may be control tokens. Thread-safe.
/// </summary>
/// <param name="neutral">Breaks the spelling of control tokens.</param>
internal abstract class ToolFormat(Func<string, string> neutral)
{
    /// <summary>The GGUF key that names the format; absent means <see cref="HermesToolFormat"/>.</summary>
    public const string MetadataKey = "agentruntime.tool_format";

    public const string CallStart = "<tool_call>";

    public const string CallEnd = "</tool_call>";

    /// <summary>The format that a model was trained on.</summary>
    public static ToolFormat Of(string? name, Func<string, string> neutral) =>
        name == "compact" ? new CompactToolFormat(neutral) : new HermesToolFormat(neutral);

    /// <summary>The system message's text, which is neutral, with the tools in it.</summary>
    public abstract string System(string? system, IReadOnlyList<RequestTool> tools);

    /// <summary>A call of an earlier turn.</summary>
    public abstract string Call(RequestToolCall call);

    /// <summary>A tool's result, which is neutral, as a user's turn.</summary>
    public abstract string Result(string content);

    protected string Neutral(string text) => neutral(text);
}

/// <summary>The convention of NousResearch's Hermes models, and of Qwen's.</summary>
internal sealed class HermesToolFormat(Func<string, string> neutral) : ToolFormat(neutral)
{
    private const string Before =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

    private const string After =
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
        + "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        + "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
        + "</tool_call>";

    public override string System(string? system, IReadOnlyList<RequestTool> tools)
    {
        var text = new StringBuilder();
        if (!string.IsNullOrEmpty(system)) text.Append(system).Append("\n\n");
        text.Append(Before);
        foreach (var tool in tools)
            text.Append("\n{\"type\": \"function\", \"function\": ").Append(Neutral(tool.Json)).Append('}');
        return text.Append(After).ToString();
    }

    public override string Call(RequestToolCall call) =>
        $"\n{CallStart}\n{{\"name\": {Neutral(RequestJson.Compact(call.Name))}, "
        + $"\"arguments\": {Neutral(call.ArgumentsJson)}}}\n{CallEnd}";

    public override string Result(string content) => $"<tool_response>\n{content}\n</tool_response>";
}

/// <summary>
/// One line for all tools, with the names of their parameters: for models that are too small to read schemas, such as
/// the demo model (gateway/models/demo).
/// </summary>
internal sealed class CompactToolFormat(Func<string, string> neutral) : ToolFormat(neutral)
{
    public override string System(string? system, IReadOnlyList<RequestTool> tools)
    {
        var lead = string.IsNullOrEmpty(system) ? "" : system + "\n";
        return lead + "Tools: "
            + Neutral(string.Join(", ", tools.Select(t => $"{t.Name}({string.Join(", ", Parameters(t))})")));
    }

    public override string Call(RequestToolCall call) =>
        $"{CallStart}{{\"name\":{Neutral(RequestJson.Compact(call.Name))},"
        + $"\"arguments\":{Neutral(call.ArgumentsJson)}}}{CallEnd}";

    public override string Result(string content) => $"<tool_response>{content}</tool_response>";

    private static List<string> Parameters(RequestTool tool)
    {
        if (tool.ParametersJson is null) return [];
        using var schema = JsonDocument.Parse(tool.ParametersJson);
        return schema.RootElement.ValueKind == JsonValueKind.Object
            && schema.RootElement.TryGetProperty("properties", out var properties)
            && properties.ValueKind == JsonValueKind.Object
            ? [.. properties.EnumerateObject().Select(p => p.Name)]
            : [];
    }
}
