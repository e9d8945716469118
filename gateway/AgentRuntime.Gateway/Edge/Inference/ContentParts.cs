using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// What the parts of a message's content may not say, whatever engine reads them, and how many are media. Stateless.
/// </summary>
internal static class ContentParts
{
    /// <param name="content">A message's content; text has no parts.</param>
    /// <param name="allowRemoteMedia">Whether engines may fetch media from where clients say.</param>
    /// <returns>What is not offered; null for nothing.</returns>
    public static string? ProblemOf(JsonElement content, bool allowRemoteMedia)
    {
        if (content.ValueKind != JsonValueKind.Array)
            return null;

        foreach (var part in content.EnumerateArray().Where(p => p.ValueKind == JsonValueKind.Object))
        {
            foreach (var member in part.EnumerateObject())
            {
                if (ProblemOf(member, allowRemoteMedia) is { } problem)
                    return problem;
            }
        }

        return null;
    }

    /// <summary>How many parts are not text: what an engine makes of them, their bytes do not tell.</summary>
    /// <param name="content">A message's content; text has no parts.</param>
    public static int MediaIn(JsonElement content) =>
        content.ValueKind == JsonValueKind.Array ? content.EnumerateArray().Count(IsMedia) : 0;

    private static bool IsMedia(JsonElement part) =>
        part.ValueKind == JsonValueKind.Object
        && (part.TryGetProperty("type", out var type) ? !IsText(TextOf(type)) : !part.TryGetProperty("text", out _));

    private static bool IsText(string type) => type is "text" or "refusal" or "thinking";

    private static string? ProblemOf(JsonProperty member, bool allowRemoteMedia)
    {
        // vLLM finds media that it has seen by this name, across requests and so across tenants, and asks nothing else.
        if (member.NameEquals("uuid"))
            return "media cannot be named by 'uuid'";

        // vLLM tells a part's kind by its type or, without one, by its member.
        if (IsInternal(member.Name) || (member.NameEquals("type") && IsInternal(TextOf(member.Value))))
            return "media must be sent encoded, not as an engine keeps it";

        // The engine would fetch it from inside the platform's network.
        return !allowRemoteMedia && member.Name.EndsWith("_url", StringComparison.Ordinal)
            && !UrlOf(member.Value).StartsWith("data:", StringComparison.Ordinal)
                ? "media must be sent as data: URLs"
                : null;
    }

    /// <summary>Tensors and pickled images, which vLLM loads as they are.</summary>
    private static bool IsInternal(string kind) =>
        kind is "image_pil" || kind.EndsWith("_embeds", StringComparison.Ordinal);

    private static string TextOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string UrlOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("url", out var url)
            ? TextOf(url)
            : TextOf(value);
}
