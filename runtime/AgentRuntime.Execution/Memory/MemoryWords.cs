using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>How memory calls are named to policy, in the journal and in spans. Stateless.</summary>
internal static class MemoryWords
{
    private const int MaxShown = 256;

    /// <summary>The operation's word in events.</summary>
    public static string Of(MemoryOperation operation) => operation switch
    {
        MemoryOperation.Get => "get",
        MemoryOperation.Exists => "exists",
        MemoryOperation.ListKeys => "list_keys",
        MemoryOperation.Set => "set",
        MemoryOperation.Delete => "delete",
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no such operation"),
    };

    /// <summary>The key that a call is about; for a later page of keys, where it begins; else null.</summary>
    public static string? KeyOf(HostCall.Memory asked) =>
        asked.Operation == MemoryOperation.ListKeys ? asked.Cursor : asked.Key;

    /// <summary>As much of a guest's text as an event or a message may hold.</summary>
    public static string Shown(string text) => ShortText.Of(text, MaxShown);

    /// <summary>What policy is asked.</summary>
    public static PolicyCall PolicyCall(HostCall.Memory asked, DateTimeOffset at) => new(
        asked.Operation is MemoryOperation.Set or MemoryOperation.Delete
            ? PolicyAction.WriteMemory
            : PolicyAction.ReadMemory,
        asked.Bucket,
        Arguments(asked),
        at);

    private static JsonElement Arguments(HostCall.Memory asked)
    {
        if (asked.Operation == MemoryOperation.ListKeys)
            return JsonElement.Parse("{}");
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("key"u8, asked.Key);
            json.WriteEndObject();
        }
        return JsonElement.Parse(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }
}
