using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>What the parts of a message's content may not say, whatever engine reads them. Stateless.</summary>
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
