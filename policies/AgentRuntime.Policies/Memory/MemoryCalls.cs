using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>Calls of memory as policies see them. Stateless.</summary>
internal static class MemoryCalls
{
    private const string Key = "key";
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <summary>The arguments of a read: listing has no key.</summary>
    public static ObjectShape ReadArguments { get; } = new([new(Key, new TextShape(), false)], false);

    /// <summary>The arguments of a change.</summary>
    public static ObjectShape WriteArguments { get; } = new([new(Key, new TextShape(), true)], false);

    public static bool IsMemory(this PolicyAction action) =>
        action is PolicyAction.ReadMemory or PolicyAction.WriteMemory;

    public static ObjectShape ArgumentsOf(PolicyAction action) =>
        action == PolicyAction.ReadMemory ? ReadArguments : WriteArguments;

    public static EntityUid ActionOf(PolicyAction action) =>
        action == PolicyAction.ReadMemory ? EntityNames.ReadMemory : EntityNames.WriteMemory;

    /// <summary><c>read</c> or <c>write</c>.</summary>
    public static string Verb(PolicyAction action) => action == PolicyAction.ReadMemory ? "read" : "write";

    /// <summary>The arguments of a call; those of listing when there is no key.</summary>
    public static JsonElement Arguments(string? key)
    {
        if (key is null)
            return NoArguments;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();

            // What is no valid text has become valid text that no key is.
            writer.WriteString(Key, string.Concat(key.EnumerateRunes()));
            writer.WriteEndObject();
        }

        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }
}

/// <summary>A bucket with its Cedar name.</summary>
/// <param name="Definition">The bucket.</param>
/// <param name="Resource">The resource.</param>
internal sealed record MemoryEntry(MemoryDefinition Definition, EntityUid Resource)
{
    /// <summary>What history counts reads under; no tool is called that.</summary>
    public string Reads { get; } = $"{ActionNames.ReadMemory} {Definition.Name}";

    /// <summary>What history counts changes under.</summary>
    public string Writes { get; } = $"{ActionNames.WriteMemory} {Definition.Name}";
}
