using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// How many requests under way share a prefix. Computing again what one conversation alone uses is a loss; computing
/// again what many ask for at this moment makes a second place for all of them, so that its cost to others is divided
/// by the n that share it, to the power of 1.5. Without it a prefix that is asked for all the time stays on one engine
/// (decision 0405). Counted at the 1st, 2nd, 4th, 8th … block of each request. Owned by a pool; allocates nothing once
/// grown; bounded by the requests under way.
/// </summary>
internal sealed class SharedPrefixes
{
    private readonly Dictionary<ulong, int> _requests = [];
    private double[] _saved = new double[128];

    /// <summary>Keys that are counted.</summary>
    public int Count => _requests.Count;

    /// <summary>A request is under way.</summary>
    public void Begin(ReadOnlySpan<BlockKey> blocks)
    {
        for (var depth = 1; depth <= blocks.Length; depth *= 2)
            CollectionsMarshal.GetValueRefOrAddDefault(_requests, blocks[depth - 1].Value, out _)++;
    }

    /// <summary>It has ended.</summary>
    public void End(ReadOnlySpan<BlockKey> blocks)
    {
        for (var depth = 1; depth <= blocks.Length; depth *= 2)
        {
            ref var requests = ref CollectionsMarshal.GetValueRefOrNullRef(_requests, blocks[depth - 1].Value);
            if (--requests == 0)
                _requests.Remove(blocks[depth - 1].Value);
        }
    }

    /// <summary>
    /// For each depth up to the longest match: how many of the tokens before it cost others nothing, because others
    /// gain by them. Empty when nothing is shared. Valid until the next call.
    /// </summary>
    public ReadOnlySpan<double> SavedTokens(ReadOnlySpan<BlockKey> blocks, int longest, int blockTokens)
    {
        if (longest == 0 || _requests.Count == 0)
            return [];
        if (_saved.Length <= longest)
            _saved = new double[longest * 2];
        var (sum, at, any) = (0.0, 0, false);
        _saved[0] = 0;
        for (var depth = 1; at < longest; depth *= 2)
        {
            var requests = depth <= blocks.Length ? _requests.GetValueOrDefault(blocks[depth - 1].Value) : 1;
            var saved = requests < 2 ? 0 : (1 - (1 / (requests * Math.Sqrt(requests)))) * blockTokens;
            any |= saved > 0;
            for (var end = Math.Min(depth, longest); at < end;)
            {
                sum += saved;
                _saved[++at] = sum;
            }
        }

        return any ? _saved.AsSpan(0, longest + 1) : [];
    }
}
