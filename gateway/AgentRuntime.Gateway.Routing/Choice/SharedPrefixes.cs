using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What the requests under way have in common: how many share a prefix, and where the first of them is to be read.
/// From that a decision sees which engine will hold a prefix by the time that its request is read there, and that
/// another copy of what many ask for is worth something. Counted at about every fourth part of a request's depth. Owned
/// by a pool; allocates nothing once grown; bounded by the requests under way. Decision 0406 has the figures.
/// </summary>
internal sealed class SharedPrefixes
{
    /// <summary>
    /// Later requests for which a copy serves, for each one that shares the prefix now: about what is asked for again
    /// while the copy lasts.
    /// </summary>
    private const double UsesPerRequest = 1;

    /// <summary>A share of time that is as good as none.</summary>
    private const double NeverBusy = 1e-3;

    private readonly Dictionary<ulong, Use> _uses = [];
    private double[] _saved = new double[128];

    /// <summary>Keys that are counted.</summary>
    public int Count => _uses.Count;

    /// <summary>A request is under way.</summary>
    public void Begin(ReadOnlySpan<BlockKey> blocks)
    {
        for (var depth = 1; depth <= blocks.Length; depth = Next(depth))
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_uses, blocks[depth - 1].Value, out var known);
            use = known ? use with { Requests = use.Requests + 1 } : new(1, -1, -1);
        }
    }

    /// <summary>It waits for an engine. Where the first of those that share a prefix waits, it will be held.</summary>
    /// <param name="blocks">The request's blocks.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="request">The slot that names it among the requests under way.</param>
    public void Place(ReadOnlySpan<BlockKey> blocks, int engine, int request)
    {
        for (var depth = 1; depth <= blocks.Length; depth = Next(depth))
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(_uses, blocks[depth - 1].Value);
            if (Unsafe.IsNullRef(ref use))
                break;
            if (use.Owner < 0 || use.Owner == request)
                (use.Engine, use.Owner) = (engine, request);
        }
    }

    /// <summary>It has been sent to its engine: from now on the index says who holds its prefix.</summary>
    public void Leave(ReadOnlySpan<BlockKey> blocks, int request)
    {
        for (var depth = 1; depth <= blocks.Length; depth = Next(depth))
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(_uses, blocks[depth - 1].Value);
            if (!Unsafe.IsNullRef(ref use) && use.Owner == request)
                (use.Engine, use.Owner) = (-1, -1);
        }
    }

    /// <summary>It has ended.</summary>
    public void End(ReadOnlySpan<BlockKey> blocks, int request)
    {
        for (var depth = 1; depth <= blocks.Length; depth = Next(depth))
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(_uses, blocks[depth - 1].Value);
            if (--use.Requests == 0)
                _uses.Remove(blocks[depth - 1].Value);
            else if (use.Owner == request)
                (use.Engine, use.Owner) = (-1, -1);
        }
    }

    /// <summary>
    /// Adds to what engines hold what they will hold once those who came before have been read there.
    /// </summary>
    /// <param name="blocks">The request's blocks.</param>
    /// <param name="matches">What engines hold, added to.</param>
    /// <param name="front">The engine where nobody is read before it; -1 for none.</param>
    /// <param name="request">Its slot, as it does not wait for itself; -1 when it has none.</param>
    /// <returns>Whether anything was added.</returns>
    public bool Expect(ReadOnlySpan<BlockKey> blocks, PrefixMatches matches, int front, int request)
    {
        var any = false;
        for (var depth = 1; depth <= blocks.Length; depth = Next(depth))
        {
            if (!_uses.TryGetValue(blocks[depth - 1].Value, out var use))
                break;
            if (use.Engine < 0 || use.Engine == front || use.Owner == request || matches[use.Engine] >= depth)
                continue;
            matches.Record(use.Engine, depth);
            any = true;
        }

        return any;
    }

    /// <summary>
    /// For each depth up to the longest match: how many of the tokens before it cost others nothing, because others
    /// gain by them. A second of reading costs others <paramref name="factor"/> seconds; a copy of what it reads saves
    /// a wait to each later request that would find all other holders busy. Empty when nothing is shared. Valid until
    /// the next call.
    /// </summary>
    public ReadOnlySpan<double> SavedTokens(
        ReadOnlySpan<BlockKey> blocks,
        PrefixMatches matches,
        ReadOnlySpan<EngineRow> rows,
        double factor,
        int blockTokens)
    {
        var longest = Math.Min(matches.Longest, blocks.Length);
        if (longest == 0 || _uses.Count == 0 || factor <= 0)
            return [];
        if (_saved.Length <= longest)
            _saved = new double[longest * 2];
        var (sum, at, any) = (0.0, 0, false);
        _saved[0] = 0;
        for (var depth = 1; at < longest; depth = Next(depth))
        {
            var end = Math.Min(depth, longest);
            // What is read beyond the last depth that is counted is taken for its own.
            var others = depth > blocks.Length ? 0 : _uses.GetValueOrDefault(blocks[depth - 1].Value).Requests - 1;
            var saved = others < 1
                ? 0
                : Math.Min(1, UsesPerRequest * others * AllBusy(matches, rows, end) / factor) * blockTokens;
            any |= saved > 0;
            while (at < end)
            {
                sum += saved;
                _saved[++at] = sum;
            }
        }

        return any ? _saved.AsSpan(0, longest + 1) : [];
    }

    /// <summary>The share of time in which all engines that hold so many blocks read something.</summary>
    private static double AllBusy(PrefixMatches matches, ReadOnlySpan<EngineRow> rows, int blocks)
    {
        var share = 1.0;
        foreach (var engine in matches.Engines)
        {
            if (matches[engine] >= blocks && engine < rows.Length && rows[engine].Open)
                share *= rows[engine].BusyShare;
            // Hot prefixes have hundreds of holders, and one of them is always free.
            if (share < NeverBusy)
                return 0;
        }

        return share;
    }

    private static int Next(int depth) => depth + Math.Max(1, depth / 4);

    /// <param name="Requests">Requests under way that begin like this.</param>
    /// <param name="Engine">Where the owner is to be read; -1 for nowhere.</param>
    /// <param name="Owner">The request that will have read it first; -1 for none.</param>
    private record struct Use(int Requests, int Engine, int Owner);
}
