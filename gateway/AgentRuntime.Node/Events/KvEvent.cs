using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Events;

/// <summary>How events are written (vLLM changed from arrays to maps; consumers accept both).</summary>
public enum KvEventEncoding : byte
{
    /// <summary>Maps with the key <c>type</c>.</summary>
    Map = 1,

    /// <summary>Positional arrays that begin with the tag, trailing defaults left out.</summary>
    Array = 2,
}

/// <summary>An event of the KV cache, as vLLM publishes it (kv_events.py).</summary>
internal abstract record KvEvent;

/// <summary>Blocks of one chain can be reused from now on.</summary>
internal sealed record BlocksStored(
    List<BlockHash> Hashes, BlockHash? Parent, List<int> Tokens, int BlockTokens, string? Salt, string? Adapter)
        : KvEvent;

/// <summary>Blocks are gone.</summary>
internal sealed record BlocksRemoved(List<BlockHash> Hashes) : KvEvent;

/// <summary>Every block is gone.</summary>
internal sealed record AllBlocksCleared : KvEvent;
