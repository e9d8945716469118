using System.Text;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Values, contexts and uids in Cedar's JSON.</summary>
public static class CedarJson
{
    /// <summary>Reads a context; with a schema the action's declaration lets the escapes be left out.</summary>
    /// <exception cref="CedarException">The document is refused.</exception>
    public static CedarRecord ReadContext(
        ReadOnlyMemory<byte> utf8, CedarSchema? schema = null, EntityUid? action = null, CedarLimits? limits = null)
    {
        limits = (limits ?? CedarLimits.Default).Validated();
        return JsonReading.Read(() =>
        {
            using var document = JsonReading.Parse(utf8, limits);
            return ReadContext(document.RootElement, schema, action);
        });
    }

    /// <inheritdoc cref="ReadContext(ReadOnlyMemory{byte}, CedarSchema?, EntityUid?, CedarLimits?)"/>
    public static CedarRecord ReadContext(
        string json, CedarSchema? schema = null, EntityUid? action = null, CedarLimits? limits = null) =>
        ReadContext(Encoding.UTF8.GetBytes(json), schema, action, limits);

    /// <summary>Reads one value.</summary>
    /// <exception cref="CedarException">The document is refused.</exception>
    public static CedarValue ReadValue(ReadOnlyMemory<byte> utf8, CedarLimits? limits = null)
    {
        limits = (limits ?? CedarLimits.Default).Validated();
        return JsonReading.Read(() =>
        {
            using var document = JsonReading.Parse(utf8, limits);
            return JsonValues.Read(document.RootElement);
        });
    }

    /// <summary>Reads a uid: <c>{"type": …, "id": …}</c>, bare or under <c>__entity</c>.</summary>
    /// <exception cref="CedarException">The document is refused.</exception>
    public static EntityUid ReadUid(ReadOnlyMemory<byte> utf8) => JsonReading.Read(() =>
    {
        using var document = JsonReading.Parse(utf8, CedarLimits.Default);
        return JsonValues.ReadUid(document.RootElement, "the uid");
    });

    private static CedarRecord ReadContext(JsonElement element, CedarSchema? schema, EntityUid? action)
    {
        ActionInfo? info = null;
        if (action is not null) schema?.ActionInfos.TryGetValue(action, out info);
        return JsonValues.ReadRecord(element, info?.Context, "the context");
    }
}
