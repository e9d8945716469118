using System.Text;
using System.Text.Json;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Gateway;

/// <summary>
/// A model's chat templates with the texts of its special tokens: from <c>chat_template.jinja</c>,
/// <c>chat_template.json</c> or <c>tokenizer_config.json</c>, in this order, as transformers looks for them.
/// Thread-safe.
/// </summary>
internal sealed class ChatTemplates
{
    private const string Default = "default";
    private const string WithTools = "tool_use";
    private static readonly JsonDocumentOptions Bounds = new() { MaxDepth = 32 };

    private readonly Dictionary<string, JinjaTemplate> _templates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object?> _tokens = new(StringComparer.Ordinal);

    /// <summary>How the template for tools shows its model to call them.</summary>
    public ToolCallSyntax Tools { get; private set; } = ToolCallSyntax.Unknown;

    /// <summary>Whether a message's content may be a list of parts.</summary>
    public bool ReadsParts { get; private set; }

    /// <exception cref="InvalidDataException">A file is not what it must be.</exception>
    public static ChatTemplates Read(ModelArchive archive, TimeProvider time)
    {
        var result = new ChatTemplates();
        try
        {
            foreach (var file in (string[])["special_tokens_map.json", "tokenizer_config.json"])
            {
                using var json = archive[file] is { } bytes ? JsonDocument.Parse(bytes, Bounds) : null;
                if (json is not null)
                    result.AddTokens(json.RootElement);
            }

            foreach (var (name, source) in Sources(archive))
                result.Add(name, source, time);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException("tokenizer_config.json is not what it must be", e);
        }
        catch (JinjaException e)
        {
            throw new InvalidDataException($"the chat template cannot be read: {e.Message}", e);
        }

        return result;
    }

    /// <exception cref="JinjaException">The template refuses or fails.</exception>
    /// <exception cref="LegRefusal">There is none.</exception>
    public string Render(IReadOnlyDictionary<string, object?> values)
    {
        var hasTools = values.GetValueOrDefault("tools") is not null;
        var template = (hasTools ? _templates.GetValueOrDefault(WithTools) : null)
            ?? _templates.GetValueOrDefault(Default)
            ?? throw LegRefusal.Unsupported("chats with this model, which has no chat template");
        return template.Render(_tokens.Where(t => !values.ContainsKey(t.Key)).Concat(values));
    }

    private static IEnumerable<(string Name, string Source)> Sources(ModelArchive archive)
    {
        if (archive["chat_template.jinja"] is { } file)
            return [(Default, Encoding.UTF8.GetString(file))];
        foreach (var name in (string[])["chat_template.json", "tokenizer_config.json"])
        {
            using var json = archive[name] is { } bytes ? JsonDocument.Parse(bytes, Bounds) : null;
            if (json is null || !json.RootElement.TryGetProperty("chat_template"u8, out var template))
                continue;
            if (template.ValueKind == JsonValueKind.String)
                return [(Default, template.GetString()!)];
            if (template.ValueKind == JsonValueKind.Array)
            {
                return [.. template.EnumerateArray().Select(t =>
                    (t.GetProperty("name"u8).GetString()!, t.GetProperty("template"u8).GetString()!))];
            }
        }

        return [];
    }

    private void Add(string name, string source, TimeProvider time)
    {
        if (name is not (Default or WithTools))
            return;
        _templates[name] = JinjaTemplate.Parse(source, time);
        if (name == WithTools || Tools == ToolCallSyntax.Unknown)
            Tools = ToolCallSyntaxes.Of(source);
        // As vLLM tells it: one that goes over parts reads their types.
        ReadsParts |= source.Contains("['type']", StringComparison.Ordinal)
            || source.Contains("[\"type\"]", StringComparison.Ordinal)
            || source.Contains(".type ==", StringComparison.Ordinal);
    }

    private void AddTokens(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in config.EnumerateObject().Where(m => m.Name.EndsWith("_token", StringComparison.Ordinal)))
        {
            var text = member.Value.ValueKind == JsonValueKind.Object
                && member.Value.TryGetProperty("content"u8, out var content) ? content : member.Value;
            if (text.ValueKind == JsonValueKind.String)
                _tokens[member.Name] = text.GetString();
        }
    }
}
