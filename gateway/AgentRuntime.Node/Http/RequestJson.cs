using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Node.Http;

/// <summary>JSON of parts of requests that are passed on as they are.</summary>
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class RequestJson : JsonSerializerContext;
