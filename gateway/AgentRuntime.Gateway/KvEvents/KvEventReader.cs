using System.Buffers.Binary;
using System.Text;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads vLLM's batches of KV events (vllm: distributed/kv_events.py) in both encodings: positional arrays that begin
/// with the tag and leave trailing defaults out, and maps with the key <c>type</c>. SGLang sends the array form. Of
/// several cache groups the sliding-window ones are left out, and so is what lies in another medium than the GPU: a
/// prefix counts as held only where prefill would reuse it at once. Stateless.
/// </summary>
internal static class KvEventReader
{
    private const int MaxNameBytes = 1024;

    // What is read of one event or its blocks takes a hundred times what may stand for it on the wire.
    private const int MostOfABatch = 1 << 20;

    // The positional order; a map names the same fields.
    private static readonly string[] BatchFields = ["ts", "events", "data_parallel_rank"];

    private static readonly string[] StoredFields =
    [
        "type", "block_hashes", "parent_block_hash", "token_ids", "block_size", "lora_id", "medium", "lora_name",
        "extra_keys", "group_idx", "kv_cache_spec_kind", "kv_cache_spec_sliding_window",
    ];

    private static readonly string[] RemovedFields = ["type", "block_hashes", "medium", "group_idx"];

    /// <exception cref="InvalidDataException">The bytes are no batch.</exception>
    public static KvEventBatch Read(ReadOnlySpan<byte> payload)
    {
        var reader = new MsgPackReader(payload);
        var events = new List<KvEvent>();
        var fields = Fields.Open(ref reader);
        while (fields.Next(ref reader, BatchFields) is { } name)
        {
            if (name != "events")
            {
                reader.Skip();
                continue;
            }

            for (var left = Count(ref reader); left > 0; left--)
            {
                if (ReadEvent(ref reader) is { } e)
                    events.Add(e);
            }
        }

        return new(events);
    }

    private static KvEvent? ReadEvent(ref MsgPackReader reader)
    {
        // A map's type may come anywhere among its keys: it is looked for before the fields are read.
        var look = reader;
        var tag = TagOf(ref look);
        switch (tag)
        {
            case "BlockStored":
                return ReadStored(ref reader);
            case "BlockRemoved":
                return ReadRemoved(ref reader);
            case "AllBlocksCleared":
                reader.Skip();
                return new KvBlocksCleared();
            default:
                reader.Skip();
                return new KvBlocksUnreadable(0);
        }
    }

    private static string? TagOf(ref MsgPackReader reader)
    {
        if (reader.Kind == MsgPackKind.Array)
            return reader.ReadArrayHead() > 0 && reader.Kind == MsgPackKind.Text ? Text(ref reader) : null;
        for (var left = reader.ReadMapHead(); left > 0; left--)
        {
            if (Text(ref reader) == "type")
                return reader.Kind == MsgPackKind.Text ? Text(ref reader) : null;
            reader.Skip();
        }

        return null;
    }

    private static KvEvent? ReadStored(ref MsgPackReader reader)
    {
        ulong[]? hashes = null;
        ulong? parent = null;
        int[]? tokens = [];
        string? lora = null, medium = null, kind = null;
        List<BlockKeys>? keys = null;
        var blockTokens = 0;
        var fields = Fields.Open(ref reader);
        while (fields.Next(ref reader, StoredFields) is { } name)
        {
            switch (name)
            {
                case "block_hashes": hashes = Hashes(ref reader); break;
                case "parent_block_hash": parent = reader.TryReadNil() ? null : Hash(ref reader); break;
                case "token_ids": tokens = Tokens(ref reader); break;
                case "block_size": blockTokens = (int)Math.Min(reader.ReadInteger(), int.MaxValue); break;
                case "medium": medium = OptionalText(ref reader); break;
                case "lora_name": lora = OptionalText(ref reader); break;
                case "extra_keys": keys = ExtraKeys(ref reader); break;
                case "kv_cache_spec_kind": kind = OptionalText(ref reader); break;
                default: reader.Skip(); break;
            }
        }

        if (hashes is null)
            throw new InvalidDataException("BlockStored without block_hashes");
        if (medium is not (null or "GPU") || kind?.Contains("sliding", StringComparison.Ordinal) == true)
            return null;
        if (tokens is null)
            return new KvBlocksUnreadable(hashes.Length);

        var (salt, foreign) = Scope(keys, lora, hashes.Length, first: parent is null);
        return new KvBlocksStored(hashes, parent, tokens, blockTokens, lora, salt, foreign);
    }

    private static KvBlocksRemoved? ReadRemoved(ref MsgPackReader reader)
    {
        ulong[]? hashes = null;
        string? medium = null;
        var fields = Fields.Open(ref reader);
        while (fields.Next(ref reader, RemovedFields) is { } name)
        {
            switch (name)
            {
                case "block_hashes": hashes = Hashes(ref reader); break;
                case "medium": medium = OptionalText(ref reader); break;
                default: reader.Skip(); break;
            }
        }

        return hashes is null
            ? throw new InvalidDataException("BlockRemoved without block_hashes")
            : medium is null or "GPU" ? new KvBlocksRemoved(hashes) : null;
    }

    /// <summary>
    /// The salt among the keys of a prompt's first block, and how many blocks from the end have keys of other kinds.
    /// vLLM lists the adapter first, the salt after what comes from the content.
    /// </summary>
    private static (string? Salt, int Foreign) Scope(List<BlockKeys>? keys, string? lora, int blocks, bool first)
    {
        if (keys is null)
            return (null, 0);
        string? salt = null;
        for (var i = 0; i < Math.Min(blocks, keys.Count); i++)
        {
            var texts = keys[i].Texts;
            var own = texts.Count - (lora is not null && texts.Contains(lora) ? 1 : 0);
            if (first && i == 0 && own == 1)
                salt = texts[^1];
            else if (own > 0 || keys[i].Other)
                return (salt, blocks - i);
            if (keys[i].Other)
                return (null, blocks);
        }

        return (salt, 0);
    }

    private static List<BlockKeys>? ExtraKeys(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
            return null;
        var blocks = new List<BlockKeys>();
        for (var left = Count(ref reader); left > 0; left--)
        {
            var keys = new BlockKeys();
            if (!reader.TryReadNil())
            {
                for (var more = reader.ReadArrayHead(); more > 0; more--)
                {
                    if (reader.Kind == MsgPackKind.Text)
                    {
                        keys.Texts.Add(Text(ref reader));
                        continue;
                    }

                    keys.Other = true;
                    reader.Skip();
                }
            }

            blocks.Add(keys);
        }

        return blocks;
    }

    /// <summary>Null when an element is no token: SGLang may pair them for speculative decoding.</summary>
    private static int[]? Tokens(ref MsgPackReader reader)
    {
        var tokens = new int[reader.ReadArrayHead()];
        var readable = true;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (reader.Kind == MsgPackKind.Integer)
            {
                tokens[i] = unchecked((int)reader.ReadInteger());
            }
            else
            {
                readable = false;
                reader.Skip();
            }
        }

        return readable ? tokens : null;
    }

    private static ulong[] Hashes(ref MsgPackReader reader)
    {
        var hashes = new ulong[reader.ReadArrayHead()];
        foreach (ref var hash in hashes.AsSpan())
            hash = Hash(ref reader);
        return hashes;
    }

    /// <summary>An integer as it is; of bytes (SHA-256) the last eight, as vLLM itself folds them.</summary>
    private static ulong Hash(ref MsgPackReader reader)
    {
        if (reader.Kind == MsgPackKind.Integer)
            return reader.ReadInteger();
        var bytes = reader.ReadBytes();
        return bytes.Length >= sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64BigEndian(bytes[^sizeof(ulong)..])
            : throw new InvalidDataException("a block hash is shorter than eight bytes");
    }

    private static int Count(ref MsgPackReader reader) => reader.ReadArrayHead() is <= MostOfABatch and var count
        ? count
        : throw new InvalidDataException($"a batch has more than {MostOfABatch} events, or an event as many blocks");

    private static string? OptionalText(ref MsgPackReader reader) => reader.TryReadNil() ? null : Text(ref reader);

    private static string Text(ref MsgPackReader reader)
    {
        var bytes = reader.ReadBytes();
        return bytes.Length <= MaxNameBytes
            ? Encoding.UTF8.GetString(bytes)
            : throw new InvalidDataException("a name is too long");
    }

    private sealed class BlockKeys
    {
        public List<string> Texts { get; } = [];

        public bool Other { get; set; }
    }

    /// <summary>The fields of a struct, whichever of the two encodings it has.</summary>
    private struct Fields
    {
        private bool _named;
        private int _left;
        private int _at;

        public static Fields Open(ref MsgPackReader reader)
        {
            var named = reader.Kind == MsgPackKind.Map;
            return new() { _named = named, _left = named ? reader.ReadMapHead() : reader.ReadArrayHead() };
        }

        /// <summary>The name of the field whose value comes next; null at the end.</summary>
        public string? Next(ref MsgPackReader reader, string[] order)
        {
            if (_left-- <= 0)
                return null;
            if (_named)
                return Text(ref reader);
            return _at < order.Length ? order[_at++] : "";
        }
    }
}
