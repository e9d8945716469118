using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Models;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Prompting;

/// <summary>A conversation as the text that the model reads. Thread-safe.</summary>
internal sealed class PromptBuilder
{
    private readonly IChatTemplate _template;
    private readonly ToolFormat _tools;
    private readonly string[] _controlTexts;

    /// <param name="model">Whose conversations they are.</param>
    /// <param name="time">What day it is, which templates may tell their model.</param>
    public PromptBuilder(IServedModel model, TimeProvider time)
    {
        _controlTexts = [.. model.ControlTexts()];
        _template = model.CreateChatTemplate(Neutral, time);
        _tools = new(Neutral);
    }

    /// <summary>Why the template of the model's file is not used; null where it is, or there is none.</summary>
    public string? WhyNotOwnTemplate => _template.WhyNotOwn;

    /// <summary>How the model writes calls: as its template shows them, else as it is told here.</summary>
    public ToolCallSyntax Calls =>
        _template.Calls != ToolCallSyntax.Unknown ? _template.Calls : ToolCallSyntax.Hermes;

    /// <summary>The prompt of a chat request.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: the model's template refuses it.</exception>
    public string Build(CompletionRequest request) =>
        Build(request.Messages, request.Tools, request.TemplateArguments);

    /// <param name="messages">The conversation.</param>
    /// <param name="tools">What may be called.</param>
    /// <param name="arguments">The client's <c>chat_template_kwargs</c>; null for none.</param>
    /// <exception cref="RuntimeErrorException">AR1004: the model's template refuses it.</exception>
    public string Build(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null)
    {
        try
        {
            return _template.Calls != ToolCallSyntax.Unknown
                ? _template.Render([.. messages.Select(m => m with { Content = Neutral(m.Content) })], tools, arguments)
                : _template.Render(Spelled(messages, tools), [], arguments);
        }
        catch (JinjaException e)
        {
            throw new RuntimeErrorException(new(
                ReasonCodes.MalformedRequest,
                $"the model's chat template {(e.RaisedByTemplate ? "refuses" : "fails on")} the messages: {e.Message}",
                "messages",
                "Send messages in the order and roles that this model was trained on."));
        }
    }

    /// <summary>The conversation with tools, calls and results as text.</summary>
    private List<RequestMessage> Spelled(IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools)
    {
        var spelled = new List<RequestMessage>(messages.Count + 1);
        var at = 0;
        if (tools.Count > 0)
        {
            var system = messages[0].Role == "system" ? messages[at++].Content : null;
            spelled.Add(new("system", _tools.System(system is null ? null : Neutral(system), tools)));
        }

        for (; at < messages.Count; at++)
        {
            var message = messages[at];
            var content = Neutral(message.Content);
            spelled.Add(message.Role == "tool"
                ? new("user", ToolFormat.Result(content))
                : new(message.Role, content + string.Concat(message.ToolCalls.Select(_tools.Call))));
        }

        return spelled;
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
