using System.Text.Json.Serialization;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// What <c>GET /kv/{id}</c> answers: whose state it is and in which pieces it comes. State that an adapter was part of
/// names the adapter by its content: a name says nothing of what another node loaded under it.
/// </summary>
internal sealed record KvManifest(
    string EngineId, string ModelSha256, string Format, string PromptSha256, int Tokens, bool Complete,
    IReadOnlyList<KvManifestSegment> Segments, string? AdapterSha256 = null);

/// <summary>A piece: <c>GET /kv/{id}/segments/{index}</c> has its bytes.</summary>
internal sealed record KvManifestSegment(int From, int To, int Bytes, string Sha256);

/// <summary>
/// What <c>POST /kv/expect</c> takes: the parameters that the decode leg will come with, as far as they matter here.
/// </summary>
internal sealed record KvAnnouncement(
    bool DoRemotePrefill, string? RemoteEngineId, string? RemoteRequestId, string? RemoteHost, int? RemotePort)
{
    public static KvAnnouncement Of(KvTransferParams here) =>
        new(here.RemotePrefill, here.EngineId, here.RequestId, here.Host, here.Port);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(KvManifest))]
[JsonSerializable(typeof(KvAnnouncement))]
internal sealed partial class KvJson : JsonSerializerContext;
