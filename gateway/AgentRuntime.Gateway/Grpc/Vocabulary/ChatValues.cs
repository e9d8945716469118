using System.Text.Json;
using AgentRuntime.Prompts.Jinja;

namespace AgentRuntime.Gateway;

/// <summary>
/// A chat request as the values of a chat template, as vLLM makes them (vllm-project/vllm:
/// vllm/entrypoints/chat_utils.py, <c>parse_chat_messages</c>): arguments of calls are objects, text parts are joined
/// unless the template reads parts. Stateless.
/// </summary>
internal static class ChatValues
{
    private const int MostMessages = 4096;
    private const int MostTools = 128;

    /// <param name="body">The request.</param>
    /// <param name="neutral">Takes the spelling of control tokens out of a client's text.</param>
    /// <param name="readsParts">Whether the template reads a content's parts.</param>
    /// <exception cref="LegRefusal">It is malformed or has more than text.</exception>
    public static Dictionary<string, object?> Read(JsonElement body, Func<string, string> neutral, bool readsParts)
    {
        if (LegJson.Child(body, "messages") is not { ValueKind: JsonValueKind.Array } messages
            || messages.GetArrayLength() is 0 or > MostMessages)
            throw LegRefusal.Malformed($"messages is not a list of 1 to {MostMessages}");
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["messages"] = new JinjaList([.. messages.EnumerateArray().Select(m => Message(m, neutral, readsParts))]),
            ["tools"] = Tools(body, neutral),
            ["documents"] = null,
            ["add_generation_prompt"] = true,
        };
        // Clients may set what their template asks for (enable_thinking), not what the request itself says.
        if (LegJson.Child(body, "chat_template_kwargs") is { ValueKind: JsonValueKind.Object } more)
        {
            foreach (var member in more.EnumerateObject().Where(m => !values.ContainsKey(m.Name)
                && !m.Name.EndsWith("_token", StringComparison.Ordinal)))
                values[member.Name] = Value(member.Value, neutral);
        }

        return values;
    }

    private static JinjaList? Tools(JsonElement body, Func<string, string> neutral)
    {
        if (LegJson.Child(body, "tools") is not { ValueKind: JsonValueKind.Array } tools || tools.GetArrayLength() == 0
            || LegJson.Child(body, "tool_choice") is { ValueKind: JsonValueKind.String } choice
            && choice.ValueEquals("none"u8))
            return null;
        return tools.GetArrayLength() > MostTools
            ? throw LegRefusal.Malformed($"tools has more than {MostTools}")
            : new([.. tools.EnumerateArray().Select(t => Value(t, neutral))]);
    }

    private static JinjaMap Message(JsonElement message, Func<string, string> neutral, bool readsParts)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw LegRefusal.Malformed("a message is not an object");
        var role = LegJson.Text(message, "role") ?? throw LegRefusal.Malformed("a message has no role");
        if (role is not ("system" or "developer" or "user" or "assistant" or "tool"))
            throw LegRefusal.Malformed($"a message's role is none of system, developer, user, assistant, tool");
        var result = new JinjaMap().With("role", role == "developer" ? "system" : role)
            .With("content", Content(message, neutral, readsParts));
        if (LegJson.Child(message, "tool_calls") is { ValueKind: JsonValueKind.Array } calls
            && calls.GetArrayLength() > 0)
            result.With("tool_calls", new JinjaList([.. calls.EnumerateArray().Select(c => Call(c, neutral))]));
        foreach (var name in (string[])["name", "tool_call_id", "reasoning_content"])
        {
            if (LegJson.Text(message, name) is { } text)
                result.With(name, neutral(text));
        }

        return result;
    }

    private static object Content(JsonElement message, Func<string, string> neutral, bool readsParts)
    {
        if (LegJson.Child(message, "content") is not { } content)
            return "";
        if (content.ValueKind == JsonValueKind.String)
            return neutral(content.GetString()!);
        if (content.ValueKind != JsonValueKind.Array)
            throw LegRefusal.Malformed("a message's content is neither text nor a list");
        var texts = content.EnumerateArray().Select(part =>
            LegJson.Text(part, "type") is "text" or "input_text" or "output_text"
                ? neutral(LegJson.Text(part, "text") ?? "")
                : throw LegRefusal.Unsupported("content that is not text")).ToList();
        return readsParts
            ? new JinjaList([.. texts.Select(t => new JinjaMap().With("type", "text").With("text", t))])
            : string.Join('\n', texts);
    }

    private static JinjaMap Call(JsonElement call, Func<string, string> neutral)
    {
        if (LegJson.Child(call, "function") is not { ValueKind: JsonValueKind.Object } function
            || LegJson.Text(function, "name") is not { } name)
            throw LegRefusal.Malformed("a tool call names no function");
        object? arguments = new JinjaMap();
        if (LegJson.Text(function, "arguments") is { Length: > 0 } text)
        {
            try
            {
                using var json = JsonDocument.Parse(text);
                arguments = Value(json.RootElement, neutral);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw LegRefusal.Malformed("a tool call's arguments are not JSON");
            }
        }

        var result = new JinjaMap();
        if (LegJson.Text(call, "id") is { } id)
            result.With("id", neutral(id));
        return result.With("type", "function").With("function",
            new JinjaMap().With("name", neutral(name)).With("arguments", arguments));
    }

    private static object? Value(JsonElement json, Func<string, string> neutral)
    {
        try
        {
            return JinjaJson.Value(json, neutral);
        }
        catch (JinjaException e)
        {
            throw LegRefusal.Malformed(e.Message);
        }
    }
}
