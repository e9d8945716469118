using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Sdk.Http;

/// <summary>Reads the two error forms of the edge: RFC 9457 problem details and OpenAI's error object.</summary>
internal static class WireError
{
    public static RuntimeError Read(ReadOnlySpan<byte> body, int status)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            return root.TryGetProperty("error", out var openAi)
                ? new RuntimeError(Code(openAi), Text(openAi, "message") ?? $"HTTP {status}", Text(openAi, "param"))
                : new RuntimeError(
                    Code(root),
                    Text(root, "title") ?? $"HTTP {status}",
                    Text(root, "instance"),
                    Text(root, "detail"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return new RuntimeError(
                ReasonCodes.Internal,
                $"the server answered HTTP {status} without an AgentRuntime error",
                Action: "Check that the address is an AgentRuntime platform.");
        }
    }

    private static ReasonCode Code(JsonElement element) => ReasonCode.Parse(Text(element, "code") ?? "");

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
