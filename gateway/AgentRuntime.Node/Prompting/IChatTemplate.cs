using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Prompting;

/// <summary>Renders a conversation into the text that a model reads. Thread-safe.</summary>
internal interface IChatTemplate
{
    /// <summary>
    /// Whether it says itself how tools, calls and results look, in a way in which calls can be read from answers.
    /// </summary>
    bool RendersTools => false;

    /// <summary>Why the template of the model's file is not used; null where it is, or there is none.</summary>
    string? WhyNotOwn => null;

    /// <summary>The text, ending where the assistant's turn begins.</summary>
    /// <param name="messages">The conversation; its contents spell no control tokens.</param>
    /// <param name="tools">What may be called; empty where <see cref="RendersTools"/> is false.</param>
    /// <param name="arguments">What else the client sets for the template, a JSON object; null for nothing.</param>
    /// <exception cref="Prompts.Jinja.JinjaException">The template refuses the conversation or fails.</exception>
    string Render(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null);
}
