using System.Buffers;
using System.Buffers.Binary;
using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Events;

/// <summary>
/// Encodes a batch in vLLM's msgpack schema (vllm: distributed/kv_events.py). A block's hash is the low 64 bits of its
/// identity as an integer, vLLM's default. The medium is "GPU" whatever the device is, as in vLLM: it means the
/// engine's
/// own cache. Stateless.
/// </summary>
internal static class KvEventEncoder
{
    private const string Medium = "GPU";

    public static byte[] Encode(double timestamp, IReadOnlyList<KvEvent> events, KvEventEncoding encoding)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        var pack = new MsgPackWriter(buffer);
        var map = encoding == KvEventEncoding.Map;
        if (map) pack.Map(3);
        else pack.Array(3);
        if (map) pack.Text("ts");
        pack.Number(timestamp);
        if (map) pack.Text("events");
        pack.Array(events.Count);
        foreach (var e in events) Write(pack, e, map);
        if (map) pack.Text("data_parallel_rank");
        pack.Integer(0);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A batch's sequence number, as a frame of its own.</summary>
    public static byte[] Number(ulong sequence)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, sequence);
        return bytes;
    }

    private static void Write(MsgPackWriter pack, KvEvent e, bool map)
    {
        switch (e)
        {
            case BlocksStored stored:
                Head(pack, "BlockStored", map, 8);
                Key(pack, "block_hashes", map);
                Hashes(pack, stored.Hashes);
                Key(pack, "parent_block_hash", map);
                if (stored.Parent is { } parent) pack.Integer(parent.Low);
                else pack.Nil();
                Key(pack, "token_ids", map);
                pack.Array(stored.Tokens.Count);
                foreach (var token in stored.Tokens) pack.Integer(token);
                Key(pack, "block_size", map);
                pack.Integer(stored.BlockTokens);
                Key(pack, "lora_id", map);
                pack.Nil();
                Key(pack, "medium", map);
                pack.Text(Medium);
                Key(pack, "lora_name", map);
                Text(pack, stored.Adapter);
                Key(pack, "extra_keys", map);
                ExtraKeys(pack, stored);
                break;
            case BlocksRemoved removed:
                Head(pack, "BlockRemoved", map, 2);
                Key(pack, "block_hashes", map);
                Hashes(pack, removed.Hashes);
                Key(pack, "medium", map);
                pack.Text(Medium);
                break;
            case AllBlocksCleared:
                Head(pack, "AllBlocksCleared", map, 0);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(e), e, "unknown event");
        }
    }

    /// <summary>For each block its keys or nil: the adapter in each, the salt in a first block only.</summary>
    private static void ExtraKeys(MsgPackWriter pack, BlocksStored stored)
    {
        pack.Array(stored.Hashes.Count);
        for (var i = 0; i < stored.Hashes.Count; i++)
        {
            var salt = i == 0 && stored.Parent is null ? stored.Salt : null;
            var count = (stored.Adapter is null ? 0 : 1) + (salt is null ? 0 : 1);
            if (count == 0)
            {
                pack.Nil();
                continue;
            }

            pack.Array(count);
            if (stored.Adapter is not null) pack.Text(stored.Adapter);
            if (salt is not null) pack.Text(salt);
        }
    }

    private static void Head(MsgPackWriter pack, string tag, bool map, int fields)
    {
        if (map) pack.Map(fields + 1);
        else pack.Array(fields + 1);
        Key(pack, "type", map);
        pack.Text(tag);
    }

    private static void Key(MsgPackWriter pack, string name, bool map)
    {
        if (map) pack.Text(name);
    }

    private static void Text(MsgPackWriter pack, string? value)
    {
        if (value is null) pack.Nil();
        else pack.Text(value);
    }

    private static void Hashes(MsgPackWriter pack, List<BlockHash> hashes)
    {
        pack.Array(hashes.Count);
        foreach (var hash in hashes) pack.Integer(hash.Low);
    }
}
