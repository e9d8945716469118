using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;

namespace AgentRuntime.Sandboxes.World;

/// <summary>
/// How the answers to blocking calls come back: a <c>result</c> at the address that the guest passed. What must be
/// kept of a waiting call is therefore only the call and the address. Stateless.
/// </summary>
internal static class Answers
{
    /// <summary>What kind of answer a call waits for.</summary>
    public static AnswerKind KindFor(HostCall call) => call switch
    {
        HostCall.Chat => AnswerKind.Chat,
        HostCall.ListTools => AnswerKind.ToolList,
        HostCall.CallTool => AnswerKind.Tool,
        HostCall.Sleep => AnswerKind.Slept,
        HostCall.Memory { Operation: MemoryOperation.Get } => AnswerKind.MemoryValue,
        HostCall.Memory { Operation: MemoryOperation.Exists } => AnswerKind.MemoryFound,
        HostCall.Memory { Operation: MemoryOperation.ListKeys } => AnswerKind.MemoryKeys,
        HostCall.Memory => AnswerKind.MemoryChanged,
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, "no such host call"),
    };

    /// <summary>Whether this answers that: a mistake of the host is noticed before it reaches the guest.</summary>
    public static bool Fits(AnswerKind kind, HostCallResult result) => (kind, result) switch
    {
        (_, HostCallResult.Refused) => true,
        (AnswerKind.Chat, HostCallResult.Chat) => true,
        (AnswerKind.ToolList, HostCallResult.ToolList) => true,
        (AnswerKind.Tool, HostCallResult.Tool) => true,
        (AnswerKind.MemoryValue, HostCallResult.MemoryValue) => true,
        (AnswerKind.MemoryFound, HostCallResult.MemoryFound) => true,
        (AnswerKind.MemoryKeys, HostCallResult.MemoryKeys) => true,
        (AnswerKind.MemoryChanged, HostCallResult.MemoryChanged) => true,
        (AnswerKind.Slept or AnswerKind.Polled, HostCallResult.Slept) => true,
        _ => false,
    };

    /// <summary>
    /// Size of the return area of every blocking call, its alignment being 4: the error record of 40 bytes is the
    /// larger case of each result, and the discriminant takes 4.
    /// </summary>
    public const uint AreaBytes = 44;

    /// <summary>Writes the answer into the guest.</summary>
    public static void Lower(GuestLower lower, uint area, HostCallResult result)
    {
        var record = lower.At(area).U8(result is HostCallResult.Refused ? (byte)1 : (byte)0).Align();
        switch (result)
        {
            case HostCallResult.Chat chat:
                InferenceImports.Lower(record, chat.Response);
                break;
            case HostCallResult.ToolList list:
                ToolImports.Lower(record, list.Tools);
                break;
            case HostCallResult.Tool tool:
                record.Text(tool.Content);
                break;
            case HostCallResult.MemoryValue memory:
                MemoryImports.Lower(record, memory.Value);
                break;
            case HostCallResult.MemoryFound memory:
                record.U8(memory.Found ? (byte)1 : (byte)0);
                break;
            case HostCallResult.MemoryKeys page:
                MemoryImports.Lower(record, page);
                break;
            case HostCallResult.Refused refused:
                record.Error(refused.Error);
                break;
        }
    }

    /// <summary>Bytes of text or data in an answer, so that one that is too large is refused instead.</summary>
    public static long TextBytes(HostCallResult result) => result switch
    {
        HostCallResult.Chat chat => Utf8(chat.Response.Content)
            + chat.Response.ToolCalls.Sum(c => Utf8(c.Id) + Utf8(c.Name) + Utf8(c.ArgumentsJson)),
        HostCallResult.ToolList list => list.Tools.Sum(t =>
            Utf8(t.Name) + Utf8(t.Description) + Utf8(ToolImports.SchemaText(t.InputSchema))),
        HostCallResult.Tool tool => Utf8(tool.Content),
        HostCallResult.MemoryValue memory => memory.Value?.Length ?? 0,
        HostCallResult.MemoryKeys page => page.Keys.Sum(Utf8) + Utf8(page.Cursor ?? ""),
        HostCallResult.Refused refused => Utf8(refused.Error.Message)
            + Utf8(refused.Error.Where ?? "") + Utf8(refused.Error.Action ?? ""),
        _ => 0,
    };

    private static long Utf8(string text) => System.Text.Encoding.UTF8.GetByteCount(text);
}

/// <summary>What a blocked guest waits for. Part of the snapshot format: members are added, never renumbered.</summary>
internal enum AnswerKind : byte
{
    /// <summary>A model's answer.</summary>
    Chat = 1,

    /// <summary>The visible tools.</summary>
    ToolList = 2,

    /// <summary>A tool's result.</summary>
    Tool = 3,

    /// <summary>The end of a wait.</summary>
    Slept = 4,

    /// <summary>The end of a wait in <c>poll_oneoff</c>.</summary>
    Polled = 5,

    /// <summary>A value of the memory.</summary>
    MemoryValue = 6,

    /// <summary>Whether a key of the memory has a value.</summary>
    MemoryFound = 7,

    /// <summary>Keys of the memory.</summary>
    MemoryKeys = 8,

    /// <summary>A change of the memory.</summary>
    MemoryChanged = 9,
}
