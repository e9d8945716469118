namespace AgentRuntime.Abstractions;

/// <summary>Who speaks, by the OpenAI chat roles.</summary>
public enum ChatRole : byte
{
    /// <summary>The agent's developer.</summary>
    System = 1,

    /// <summary>The user.</summary>
    User = 2,

    /// <summary>The model.</summary>
    Assistant = 3,

    /// <summary>A tool's result.</summary>
    Tool = 4,
}

/// <summary>One message of a conversation. Immutable.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Content">The text; may be empty when the model only calls tools.</param>
public sealed record ChatMessage(ChatRole Role, string Content)
{
    /// <summary>The tool calls that the model made; empty for other roles.</summary>
    public IReadOnlyList<ModelToolCall> ToolCalls { get; init; } = [];

    /// <summary>The call that a <see cref="ChatRole.Tool"/> message answers; null for other roles.</summary>
    public string? ToolCallId { get; init; }
}

/// <summary>A tool call that a model asks for; nothing has been decided about it. Immutable.</summary>
/// <param name="Id">The model's id for the call.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="ArgumentsJson">The arguments as the model wrote them; may be malformed.</param>
public sealed record ModelToolCall(string Id, string Name, string ArgumentsJson);

/// <summary>How to answer. Immutable; null leaves a choice to the agent's policy or the model.</summary>
public sealed record ChatOptions
{
    /// <summary>The model's name; null for the agent's default.</summary>
    public string? Model { get; init; }

    /// <summary>The most tokens to generate; null for the agent's default. Never unlimited.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>Sampling temperature; null for the model's default.</summary>
    public float? Temperature { get; init; }

    /// <summary>The sampling seed; null for none.</summary>
    public long? Seed { get; init; }

    /// <summary>Texts that end the answer.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];

    /// <summary>Names of the tools to offer to the model; those that policy hides are left out.</summary>
    public IReadOnlyList<string> Tools { get; init; } = [];
}

/// <summary>A model's whole answer. Immutable.</summary>
/// <param name="Content">The text; may be empty when the model only calls tools.</param>
/// <param name="ToolCalls">The tool calls that the model asks for.</param>
/// <param name="FinishReason">
/// OpenAI's finish reason: <c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>content_filter</c>.
/// </param>
/// <param name="Usage">What was used.</param>
public sealed record ChatResponse(
    string Content,
    IReadOnlyList<ModelToolCall> ToolCalls,
    string FinishReason,
    InferenceUsage Usage);
