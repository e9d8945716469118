using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Engine;

/// <summary>A generation's state inside the engine. Owned by the engine's thread.</summary>
internal sealed class EngineSequence(Generation generation, ITokenSampler sampler, BlockHash root)
{
    private readonly List<int> _tokens = [.. generation.Request.Prompt];

    public Generation Generation { get; } = generation;

    public ITokenSampler Sampler { get; } = sampler;

    public string? Adapter => Generation.Request.Adapter;

    /// <summary>Identities of the whole blocks of <see cref="Tokens"/> so far.</summary>
    public List<BlockHash> Hashes { get; } = [];

    /// <summary>The place in the KV cache; null while waiting.</summary>
    public CachedSequence? Cells { get; set; }

    /// <summary>Prompt and generated tokens.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    /// <summary>Blocks of <see cref="Computed"/> that the prefix cache knows.</summary>
    public int CommittedBlocks { get; set; }

    /// <summary>Where in the batch this sequence's output is; -1 for nowhere.</summary>
    public int OutputIndex { get; set; } = -1;

    /// <summary>Tokens of this sequence in the batch.</summary>
    public int Scheduled { get; set; }

    /// <summary>How often it lost its cells to others.</summary>
    public int Preemptions { get; set; }

    public int PromptTokens => Generation.Request.Prompt.Length;

    public int Generated => _tokens.Count - PromptTokens;

    /// <summary>Tokens that must be computed before the next can be chosen.</summary>
    public int Pending => _tokens.Count - Computed;

    public void Append(int token) => _tokens.Add(token);

    /// <summary>Extends <see cref="Hashes"/> over every whole block of <see cref="Tokens"/>.</summary>
    public void HashBlocks(int blockTokens)
    {
        while ((Hashes.Count + 1) * blockTokens <= _tokens.Count)
        {
            var parent = Hashes.Count == 0 ? root : Hashes[^1];
            Hashes.Add(parent.Next(Tokens.Slice(Hashes.Count * blockTokens, blockTokens)));
        }
    }
}
