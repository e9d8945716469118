using System.Text.Encodings.Web;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

internal static class JsonWriting
{
    // The depth of what is written is bounded by what was read: each expression is at most three levels of JSON.
    public static JsonWriterOptions Options { get; } = new()
    {
        MaxDepth = 8000,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
