using System.Text.Json;
using AgentRuntime.Rpc;

namespace AgentRuntime.Gateway;

/// <summary>A status of gRPC as the error object that the same engine answers over HTTP. Stateless.</summary>
internal static class GrpcError
{
    /// <summary>Where our own node puts its reason code (its <c>RpcRefusal</c>).</summary>
    private const string CodeTrailer = "x-agentruntime-code";

    /// <summary>The reason code that came with a status; null for none.</summary>
    public static string? CodeOf(RpcException e) => e.Trailers.Text(CodeTrailer);

    /// <summary>Writes <c>{"error":{"message":…,"code":…}}</c>.</summary>
    public static void Write(Utf8JsonWriter json, string? code, string message)
    {
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, message);
        json.WriteString("code"u8, code ?? "grpc");
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
