using System.Buffers;
using System.Text;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

public sealed partial class CedarPolicySet
{
    /// <summary>
    /// Reads the JSON form: <c>staticPolicies</c>, <c>templates</c> and <c>templateLinks</c>, or a single policy,
    /// which gets the id <c>policy0</c>.
    /// </summary>
    /// <exception cref="CedarException">The document is refused.</exception>
    public static CedarPolicySet ParseJson(ReadOnlyMemory<byte> utf8, CedarLimits? limits = null)
    {
        limits = (limits ?? CedarLimits.Default).Validated();
        var policies = JsonReading.Read(() =>
        {
            using var document = JsonReading.Parse(utf8, limits, levelsPerDepth: 2);
            var root = document.RootElement;
            return JsonReading.Optional(root, "effect", "a policy set") is null
                ? PolicyJsonReader.ReadSet(root, limits)
                : [PolicyJsonReader.ReadPolicy("policy0", root, limits)];
        });
        return Create(policies, limits);
    }

    /// <inheritdoc cref="ParseJson(ReadOnlyMemory{byte}, CedarLimits?)"/>
    public static CedarPolicySet ParseJson(string json, CedarLimits? limits = null) =>
        ParseJson(Encoding.UTF8.GetBytes(json), limits);

    /// <summary>The set in Cedar's JSON.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonWriting.Options)) PolicyJsonWriter.WriteSet(json, this);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
