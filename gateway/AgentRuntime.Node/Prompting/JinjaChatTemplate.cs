using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// The chat template of a model's file, rendered as transformers and vLLM render it (decision 0482). What it does with
/// system messages, parts and tools is tried out once. Thread-safe.
/// </summary>
internal sealed class JinjaChatTemplate : IChatTemplate
{
    private const string Probe = "probe 5d2c";
    private static readonly RequestMessage Asked = new("user", Probe);

    private readonly JinjaTemplate _template;
    private readonly JinjaTemplate _withTools;
    private readonly ChatTemplateSource _source;
    private readonly Func<string, string> _neutral;
    private readonly bool _readsParts;
    private readonly bool _takesSystem;

    /// <param name="source">The template and the texts that it may want.</param>
    /// <param name="neutral">Takes the spelling of control tokens out of a client's text.</param>
    /// <param name="time">What day it is.</param>
    /// <exception cref="JinjaException">It cannot be read, or does not render the simplest conversation.</exception>
    public JinjaChatTemplate(ChatTemplateSource source, Func<string, string> neutral, TimeProvider time)
    {
        _source = source;
        _neutral = neutral;
        _template = JinjaTemplate.Parse(source.Template, time);
        _withTools = source.WithTools is null ? _template : JinjaTemplate.Parse(source.WithTools, time);
        _takesSystem = true;
        if (!Shows([Asked], [], Probe))
        {
            _readsParts = true;
            if (!Shows([Asked], [], Probe)) throw new JinjaException("it renders no conversation");
        }

        _takesSystem = Shows([new("system", "set 81e7"), Asked], [], "set 81e7");
        Calls = ToolCallSyntaxes.Of(source.WithTools ?? source.Template);
        if (Calls != ToolCallSyntax.Unknown && !ShowsTools()) Calls = ToolCallSyntax.Unknown;
    }

    /// <inheritdoc/>
    public ToolCallSyntax Calls { get; }

    /// <inheritdoc/>
    public string Render(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null)
    {
        if (!_takesSystem) messages = WithoutSystem(messages);
        if (Calls is ToolCallSyntax.MistralList or ToolCallSyntax.MistralNames) messages = CallIds.Short(messages);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["messages"] = new JinjaList([.. messages.Select(Message)]),
            ["tools"] = tools.Count == 0 ? null : new JinjaList([.. tools.Select(Tool)]),
            ["documents"] = null,
            ["add_generation_prompt"] = true,
            ["bos_token"] = _source.BeginText,
            ["eos_token"] = _source.EndText,
        };
        if (arguments is { ValueKind: JsonValueKind.Object } more)
        {
            foreach (var member in more.EnumerateObject().Where(m => !values.ContainsKey(m.Name)))
                values[member.Name] = JinjaJson.Value(member.Value, _neutral);
        }

        var text = (tools.Count == 0 ? _template : _withTools).Render(values);
        // Where the tokenizer begins each text with that token, the template's own would be a second one.
        return _source.TokenizerBegins && _source.BeginText.Length > 0
            && text.StartsWith(_source.BeginText, StringComparison.Ordinal)
                ? text[_source.BeginText.Length..]
                : text;
    }

    private bool ShowsTools()
    {
        RequestTool tool = new(
            "probe_tool",
            """
            {"name":"probe_tool","description":"d","parameters":{"type":"object",
             "properties":{"probe_argument":{"type":"integer","description":"d"}},"required":["probe_argument"]}}
            """,
            null);
        RequestMessage[] conversation =
        [
            Asked,
            new("assistant", "") { ToolCalls = [new(tool.Name, """{"probe_argument":1}""")] },
            new("tool", "result 3c90") { Name = tool.Name },
        ];
        return Shows([Asked], [tool], "probe_tool") && Shows(conversation, [tool], "probe_argument")
            && Shows(conversation, [tool], "result 3c90");
    }

    private bool Shows(IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, string text)
    {
        try
        {
            return Render(messages, tools).Contains(text, StringComparison.Ordinal);
        }
        catch (JinjaException)
        {
            return false;
        }
    }

    /// <summary>What a system message says comes first in the user's turn, where a template has no place for it.
    /// </summary>
    private static List<RequestMessage> WithoutSystem(IReadOnlyList<RequestMessage> messages)
    {
        var system = messages.TakeWhile(m => m.Role == "system").ToList();
        if (system.Count == 0) return [.. messages];
        var text = string.Join("\n\n", system.Select(m => m.Content));
        return messages.Count > system.Count && messages[system.Count] is { Role: "user" } first
            ? [first with { Content = $"{text}\n\n{first.Content}" }, .. messages.Skip(system.Count + 1)]
            : [new("user", text), .. messages.Skip(system.Count)];
    }

    private JinjaMap Message(RequestMessage message)
    {
        object content = _readsParts
            ? new JinjaList([new JinjaMap().With("type", "text").With("text", message.Content)])
            : message.Content;
        var value = new JinjaMap().With("role", message.Role).With("content", content);
        if (message.ToolCalls.Count > 0)
            value.With("tool_calls", new JinjaList([.. message.ToolCalls.Select(Call)]));
        if (message.Name is { } name) value.With("name", _neutral(name));
        return message.CallId is { } id ? value.With("tool_call_id", _neutral(id)) : value;
    }

    private JinjaMap Call(RequestToolCall call)
    {
        var value = new JinjaMap().With("type", "function").With("function",
            new JinjaMap().With("name", _neutral(call.Name)).With("arguments", Json(call.ArgumentsJson)));
        return call.Id is { } id ? value.With("id", _neutral(id)) : value;
    }

    private JinjaMap Tool(RequestTool tool) =>
        new JinjaMap().With("type", "function").With("function", Json(tool.Json));

    private object? Json(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text.Length == 0 ? "{}" : text);
            return JinjaJson.Value(json.RootElement, _neutral);
        }
        catch (JsonException)
        {
            throw new JinjaException("a tool call's arguments are not JSON");
        }
    }
}

/// <summary>A model's chat template with what it may ask for. Immutable.</summary>
/// <param name="Template">In Jinja.</param>
/// <param name="WithTools">The one for conversations with tools (<c>tool_use</c>); null where it is the same.</param>
/// <param name="BeginText">The token that begins a text, as text; empty for none.</param>
/// <param name="EndText">The token that ends one, as text; empty for none.</param>
/// <param name="TokenizerBegins">Whether the tokenizer puts the first of them before each text.</param>
internal sealed record ChatTemplateSource(
    string Template, string? WithTools, string BeginText, string EndText, bool TokenizerBegins);
