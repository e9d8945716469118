namespace AgentRuntime.Abstractions;

/// <summary>A blocking call from a guest to the platform: exactly one of the nested forms. Immutable.</summary>
public abstract record HostCall
{
    private HostCall()
    {
    }

    /// <summary>Ask a model: <c>agentruntime:agent/inference.send</c>.</summary>
    public sealed record Chat(IReadOnlyList<ChatMessage> Messages, ChatOptions Options) : HostCall;

    /// <summary>The tools that policy lets this agent see: <c>agentruntime:agent/tools.list</c>.</summary>
    public sealed record ListTools : HostCall;

    /// <summary>Call a tool: <c>agentruntime:agent/tools.call</c>.</summary>
    /// <param name="Name">The tool's name, <c>server/tool</c>.</param>
    /// <param name="ArgumentsJson">A JSON object, not yet checked.</param>
    public sealed record CallTool(string Name, string ArgumentsJson) : HostCall;

    /// <summary>Read or change a bucket of the tenant's memory: <c>agentruntime:agent/memory</c>.</summary>
    /// <param name="Operation">What to do.</param>
    /// <param name="Bucket">The bucket's name, not yet checked.</param>
    /// <param name="Key">The key, not yet checked; empty for listing.</param>
    /// <param name="Value">The new value of <see cref="MemoryOperation.Set"/>.</param>
    /// <param name="Cursor">Where <see cref="MemoryOperation.ListKeys"/> goes on; null for the beginning.</param>
    public sealed record Memory(
        MemoryOperation Operation, string Bucket, string Key, ReadOnlyMemory<byte> Value, string? Cursor) : HostCall;

    /// <summary>Do nothing for a while: <c>agentruntime:agent/timer.sleep</c>.</summary>
    public sealed record Sleep(TimeSpan Duration) : HostCall;
}

/// <summary>The answer to a <see cref="HostCall"/>: the form that fits the call, or a refusal. Immutable.</summary>
public abstract record HostCallResult
{
    private HostCallResult()
    {
    }

    /// <summary>Answers <see cref="HostCall.Chat"/>.</summary>
    public sealed record Chat(ChatResponse Response) : HostCallResult;

    /// <summary>Answers <see cref="HostCall.ListTools"/>.</summary>
    public sealed record ToolList(IReadOnlyList<ToolDescriptor> Tools) : HostCallResult;

    /// <summary>Answers <see cref="HostCall.CallTool"/> with the tool's result, as text or JSON text.</summary>
    public sealed record Tool(string Content) : HostCallResult;

    /// <summary>Answers <see cref="MemoryOperation.Get"/>; null when the key has no value.</summary>
    public sealed record MemoryValue(ReadOnlyMemory<byte>? Value) : HostCallResult;

    /// <summary>Answers <see cref="MemoryOperation.Exists"/>.</summary>
    public sealed record MemoryFound(bool Found) : HostCallResult;

    /// <summary>Answers <see cref="MemoryOperation.ListKeys"/>.</summary>
    /// <param name="Keys">A page of keys, in order.</param>
    /// <param name="Cursor">Where the next page begins; null when this is the last.</param>
    public sealed record MemoryKeys(IReadOnlyList<string> Keys, string? Cursor) : HostCallResult;

    /// <summary>Answers <see cref="MemoryOperation.Set"/> and <see cref="MemoryOperation.Delete"/>.</summary>
    public sealed record MemoryChanged : HostCallResult;

    /// <summary>Answers <see cref="HostCall.Sleep"/>.</summary>
    public sealed record Slept : HostCallResult;

    /// <summary>
    /// Answers any call: it was refused or failed. The guest gets the code and the message and goes on.
    /// </summary>
    public sealed record Refused(RuntimeError Error) : HostCallResult;
}
