using System.Text.Json;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Http;

/// <summary>
/// What a prefill leg answers for the decode leg: vLLM's NIXL connector's <c>kv_transfer_params</c>. Stateless.
/// </summary>
internal static class KvHandoffJson
{
    public static void Write(Utf8JsonWriter json, NodeService node, KvLease lease)
    {
        json.WriteStartObject();
        json.WriteBoolean("do_remote_prefill", true);
        json.WriteBoolean("do_remote_decode", false);
        json.WriteStartArray("remote_block_ids");
        var blocks = (lease.Export.Tokens + node.Options.BlockTokens - 1) / node.Options.BlockTokens;
        for (var block = 0; block < blocks; block++) json.WriteNumberValue(block);
        json.WriteEndArray();
        json.WriteString("remote_engine_id", node.EngineName);
        json.WriteString("remote_request_id", lease.Id);
        json.WriteString("remote_host", node.AdvertisedHost);
        json.WriteNumber("remote_port", node.Port);
        json.WriteNumber("tp_size", 1);
        json.WriteNumber("remote_num_tokens", lease.Export.Tokens);
        json.WriteEndObject();
    }
}
