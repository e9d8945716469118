using AgentRuntime.Node.Http;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Prompting;

/// <summary>A conversation as the text that the model reads. Thread-safe.</summary>
internal sealed class PromptBuilder
{
    private readonly IChatTemplate _template;
    private readonly ToolFormat _tools;
    private readonly string[] _controlTexts;

    public PromptBuilder(IServedModel model)
    {
        _template = model.CreateChatTemplate();
        _tools = ToolFormat.Of(model.Metadata(ToolFormat.MetadataKey), Neutral);
        _controlTexts = [.. model.ControlTexts()];
    }

    public string Build(IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools)
    {
        var rendered = new List<(string Role, string Content)>(messages.Count + 1);
        var at = 0;
        if (tools.Count > 0)
        {
            var system = messages[0].Role == "system" ? messages[at++].Content : null;
            rendered.Add(("system", _tools.System(system is null ? null : Neutral(system), tools)));
        }

        for (; at < messages.Count; at++)
        {
            var message = messages[at];
            var content = Neutral(message.Content);
            rendered.Add(message.Role == "tool"
                ? ("user", _tools.Result(content))
                : (message.Role, content + string.Concat(message.ToolCalls.Select(_tools.Call))));
        }

        return _template.Render(rendered);
    }

    /// <summary>
    /// Text in which no control token is spelled: otherwise a message, a tool or a call could end its own turn and
    /// speak as someone else. A zero-width space after the first character breaks the spelling.
    /// </summary>
    private string Neutral(string text)
    {
        foreach (var control in _controlTexts)
        {
            if (!text.Contains(control, StringComparison.Ordinal)) continue;
            text = text.Replace(control, control[..1] + '\u200B' + control[1..], StringComparison.Ordinal);
        }

        return text;
    }
}
