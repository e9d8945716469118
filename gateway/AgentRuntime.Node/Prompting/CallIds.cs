using System.Globalization;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// Gives the calls of a conversation and their results the ids that Mistral's templates ask for. Stateless.
/// </summary>
internal static class CallIds
{
    /// <summary>
    /// The conversation with ids of nine letters and digits, the same for the same one. A call without an id gets that
    /// of its place, and a result without one that of the first call that has no result yet.
    /// </summary>
    public static IReadOnlyList<RequestMessage> Short(IReadOnlyList<RequestMessage> messages)
    {
        if (!messages.Any(m => m.Role == "tool" || m.ToolCalls.Count > 0)) return messages;
        var (open, answered, made) = (new Queue<string>(), new HashSet<string>(StringComparer.Ordinal), 0);
        return [.. messages.Select(Named)];

        RequestMessage Named(RequestMessage message)
        {
            if (message.Role == "tool")
            {
                var id = message.CallId is { } own ? Short(own) : FirstOpen() ?? OfPlace(made++);
                answered.Add(id);
                return message with { CallId = id };
            }

            if (message.ToolCalls.Count == 0) return message;
            RequestToolCall[] named =
                [.. message.ToolCalls.Select(c => c with { Id = c.Id is { } own ? Short(own) : OfPlace(made++) })];
            foreach (var call in named)
            {
                answered.Remove(call.Id!);
                open.Enqueue(call.Id!);
            }

            return message with { ToolCalls = named };
        }

        string? FirstOpen()
        {
            while (open.TryDequeue(out var id))
                if (!answered.Contains(id))
                    return id;
            return null;
        }
    }

    private static string Short(string id) => ToolCallId.Is(id) ? id : ToolCallId.Of(id);

    private static string OfPlace(int call) => call.ToString("D9", CultureInfo.InvariantCulture);
}
