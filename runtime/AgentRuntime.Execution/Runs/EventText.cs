using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>About how long events are in the journal, in UTF-16 units of their texts. Stateless.</summary>
internal static class EventText
{
    /// <summary>What an event takes whatever it says.</summary>
    private const int Frame = 200;

    public static long Length(RunEventData happened) => Frame + (happened switch
    {
        GuestLogged line => line.Message.Length,
        ChatCompleted chat => chat.Content.Length + chat.ToolCalls.Sum(c => (long)c.ArgumentsJson.Length),
        ChatFailed chat => Length(chat.Error),
        ToolDecided call => call.ArgumentsJson.Length + Length(call.Reason),
        ApprovalRequested call => call.ArgumentsJson.Length,
        ToolCompleted call => call.Content.Length,
        ToolFailed call => Length(call.Error),
        MemoryCompleted call => (call.Value?.Length ?? 0) + (call.Keys?.Sum(k => (long)k.Length) ?? 0),
        MemoryRefused call => Length(call.Error),
        _ => 0,
    });

    private static long Length(ErrorResource? error) =>
        error is null ? 0 : error.Message.Length + (error.Where?.Length ?? 0) + (error.Action?.Length ?? 0);
}
