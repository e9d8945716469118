using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Prompting;

/// <summary>Renders a conversation into the text that a model reads. Thread-safe.</summary>
internal interface IChatTemplate
{
    /// <summary>
    /// How calls look, where it says itself how tools, calls and results do; unknown where it does not, or where calls
    /// cannot be read from answers.
    /// </summary>
    ToolCallSyntax Calls => ToolCallSyntax.Unknown;

    /// <summary>Why the template of the model's file is not used; null where it is, or there is none.</summary>
    string? WhyNotOwn => null;

    /// <summary>The text, ending where the assistant's turn begins.</summary>
    /// <param name="messages">The conversation; its contents spell no control tokens.</param>
    /// <param name="tools">What may be called; empty where <see cref="Calls"/> is unknown.</param>
    /// <param name="arguments">What else the client sets for the template, a JSON object; null for nothing.</param>
    /// <exception cref="Prompts.Jinja.JinjaException">The template refuses the conversation or fails.</exception>
    string Render(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null);
}
