using System.Text.Json;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Http;

/// <summary>A request of <c>/v1/chat/completions</c> or <c>/v1/completions</c>, read and bounded. Immutable.</summary>
internal sealed record CompletionRequest
{
    public required bool IsChat { get; init; }

    /// <summary>The model or adapter that the client names; null for the model.</summary>
    public string? Model { get; init; }

    /// <summary>The conversation; empty for text completions.</summary>
    public IReadOnlyList<RequestMessage> Messages { get; init; } = [];

    /// <summary>Text prompts; empty for chat.</summary>
    public IReadOnlyList<RequestPrompt> Prompts { get; init; } = [];

    /// <summary>
    /// The most tokens to generate; null for what the context leaves (chat) or 16 (text), as in vLLM.
    /// </summary>
    public int? MaxTokens { get; init; }

    public int Choices { get; init; } = 1;

    public bool Stream { get; init; }

    public bool IncludeUsage { get; init; }

    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary>Tokens that end the answer.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>Whether each token is wanted as such, as soon as it is there.</summary>
    public bool ReportTokens { get; init; }

    public bool IgnoreEnd { get; init; }

    public string? CacheSalt { get; init; }

    /// <summary>What is to stay cached afterwards; empty for no wish.</summary>
    public IReadOnlyList<RetainDirective> Retain { get; init; } = [];

    public SamplingOptions Sampling { get; init; } = new();

    public KvTransferParams? Transfer { get; init; }

    public IReadOnlyList<RequestTool> Tools { get; init; } = [];

    /// <summary>
    /// What else the model's chat template is to be given, an object (<c>chat_template_kwargs</c>); null for nothing.
    /// </summary>
    public JsonElement? TemplateArguments { get; init; }
}

/// <summary>A message of the conversation.</summary>
internal sealed record RequestMessage(string Role, string Content)
{
    public IReadOnlyList<RequestToolCall> ToolCalls { get; init; } = [];

    /// <summary>Of a tool's result: the tool's name, when the client says it.</summary>
    public string? Name { get; init; }

    /// <summary>Of a tool's result: the id of the call, when the client says it.</summary>
    public string? CallId { get; init; }
}

/// <summary>A call that the model made in an earlier turn, with its id when the client says it.</summary>
internal sealed record RequestToolCall(string Name, string ArgumentsJson, string? Id = null);

/// <summary>A tool that the model may call.</summary>
/// <param name="Name">The tool's name.</param>
/// <param name="Json">The <c>function</c> object as compact JSON.</param>
/// <param name="ParametersJson">Its JSON schema; null for none.</param>
/// <param name="Strict">Whether a schema of which something cannot be enforced is refused.</param>
internal sealed record RequestTool(string Name, string Json, string? ParametersJson, bool Strict = false);

/// <summary>A text prompt: text, or tokens.</summary>
internal sealed record RequestPrompt(string? Text, int[]? Tokens);
