namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>How a model writes tool calls into its text.</summary>
internal enum ToolCallSyntax : byte
{
    /// <summary>It cannot be told.</summary>
    Unknown = 1,

    /// <summary><c>&lt;tool_call&gt;{"name": …, "arguments": …}&lt;/tool_call&gt;</c>: Hermes, Qwen.</summary>
    Hermes = 2,

    /// <summary><c>{"name": …, "parameters": …}</c> and nothing else: Llama 3.</summary>
    Llama3 = 3,

    /// <summary><c>[TOOL_CALLS][{"name": …, "arguments": …}]</c>: Mistral, up to its tokenizer of version 7.</summary>
    MistralList = 4,

    /// <summary>Nothing but a JSON list of calls, because the engine was bound to it.</summary>
    BoundToList = 5,

    /// <summary>Nothing but the arguments of one tool, because the engine was bound to them.</summary>
    BoundToOne = 6,

    /// <summary>
    /// <c>[TOOL_CALLS]name[ARGS]{…}</c>, with <c>[CALL_ID]</c> and an id before the arguments in version 11: Mistral,
    /// from its tokenizer of version 11 on.
    /// </summary>
    MistralNames = 7,
}

/// <summary>A tool call that a model has written. Immutable.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object as text.</param>
internal sealed record WrittenToolCall(string Name, string Arguments);

/// <summary>Separates an answer's text from its tool calls while it streams. One choice's; not thread-safe.</summary>
internal interface IToolCallReader
{
    /// <summary>Control tokens that belong to the syntax and are therefore read.</summary>
    IReadOnlyList<string> Markers { get; }

    /// <summary>Takes in text; what is plain text now, and the calls that became whole.</summary>
    /// <param name="text">The next of the answer.</param>
    /// <param name="last">Whether the answer ends with it.</param>
    (string Text, IReadOnlyList<WrittenToolCall> Calls) Append(string text, bool last);
}
