using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Collects a streamed answer. Bounded: an engine that ignores its token limit is cut off. Single-writer.
/// </summary>
internal sealed class ChatAnswer(long maxBytes)
{
    /// <summary>The most tool calls of one answer.</summary>
    private const int MaxToolCalls = 128;

    private readonly StringBuilder _text = new();
    private readonly SortedDictionary<int, (string Id, string Name, StringBuilder Arguments)> _calls = [];
    private long _bytes;

    public string Text => _text.ToString();

    public string FinishReason { get; private set; } = "stop";

    public ServedBy? ServedBy { get; private set; }

    public InferenceUsage Usage { get; private set; } = InferenceUsage.None;

    public MicroUsd Cost { get; private set; }

    public InferenceTimings? Timings { get; private set; }

    /// <exception cref="RuntimeErrorException">AR4003: the answer is larger than a guest may be given.</exception>
    public void Add(InferenceChunk chunk)
    {
        Count(chunk.Text);
        _text.Append(chunk.Text);
        foreach (var delta in chunk.ToolCalls)
        {
            if (!_calls.TryGetValue(delta.Index, out var call))
            {
                if (_calls.Count == MaxToolCalls)
                    throw TooLarge();
                call = ("", "", new StringBuilder());
            }
            Count(delta.Id, delta.Name, delta.Arguments);
            call.Arguments.Append(delta.Arguments);
            _calls[delta.Index] = (delta.Id ?? call.Id, delta.Name ?? call.Name, call.Arguments);
        }
        FinishReason = chunk.FinishReason ?? FinishReason;
        ServedBy = chunk.ServedBy ?? ServedBy;
        Usage = chunk.Usage ?? Usage;
        Cost = chunk.Cost ?? Cost;
        Timings = chunk.Timings ?? Timings;
    }

    public IReadOnlyList<ModelToolCall> ToolCalls(IReadOnlyList<ToolDescriptor> offered) =>
    [
        .. _calls.Values.Select(c =>
            new ModelToolCall(c.Id, ChatRequestBody.ToolName(c.Name, offered), c.Arguments.ToString())),
    ];

    private void Count(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
            _bytes += text is null ? 0 : Encoding.UTF8.GetByteCount(text);
        if (_bytes > maxBytes)
            throw TooLarge();
    }

    private RuntimeErrorException TooLarge() => new(new RuntimeError(
        ReasonCodes.EngineFailed,
        $"The model's answer is larger than the {maxBytes} bytes that the agent may be given."));
}
