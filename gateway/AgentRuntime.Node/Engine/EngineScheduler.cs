using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// Continuous batching: each step computes one token of every sequence that writes and a chunk of those that still
/// read, then chooses tokens. Owned by the engine's thread.
/// </summary>
internal sealed partial class EngineScheduler : IDisposable
{
    /// <summary>
    /// The part of the pool that prefixes nobody uses may fill. llama.cpp's masks, and attention where it computes it,
    /// span every cell below the highest in use, whose ever it is, so that the rest of them waits in the archive.
    /// </summary>
    private const int IdleShare = 256;

    /// <summary>Blocks archived between two passes at most, so that those who write do not wait for it.</summary>
    private const int MostArchivedAtOnce = 4;

    private const string Cancelled = "cancelled";

    private readonly IServedModel _model;
    private readonly NodeOptions _options;
    private readonly EngineCounters _counters;
    private readonly IModelContext _context;
    private readonly PrefixCache _cache;
    private readonly int _idleTokens;
    private readonly LinkedList<EngineSequence> _waiting = new();
    private readonly List<EngineSequence> _running = [];
    private readonly LlamaTokenData[] _candidates;
    private readonly IPrefixCacheObserver? _observer;
    private readonly Outbox _outbox = new();
    private bool _crowded;
    private string? _adapter;

    public EngineScheduler(
        IServedModel model, NodeOptions options, EngineCounters counters, TimeProvider time,
        IPrefixCacheObserver? observer)
    {
        _model = model;
        _options = options;
        _counters = counters;
        _observer = observer;
        _context = model.CreateContext(options);
        var archive = _context.ArchivesPrefixes && options.PrefixArchive.Value > 0
            ? new BlockArchive(options.PrefixArchive.Value, time) : null;
        _idleTokens = archive is null ? int.MaxValue : PoolTokens / IdleShare;
        // Half of the pool stays for those who claim nothing.
        var mostClaimed = PoolTokens / options.BlockTokens / 2;
        _cache = new(
            _context, options.BlockTokens, _context.UsableSequences, time, mostClaimed, observer, archive);
        _candidates = new LlamaTokenData[model.VocabularySize];
    }

    public bool HasWork => _running.Count > 0 || _waiting.Count > 0 || _cache.IdleCells > _idleTokens;

    public int Waiting => _waiting.Count;

    public int PoolTokens => _context.PoolTokens;

    private int FreeCells =>
        PoolTokens - _cache.Cells - _running.Sum(s => s.Computed - (s.CommittedBlocks * _options.BlockTokens));

    /// <summary>Takes a generation into the waiting line.</summary>
    public void Add(Generation generation)
    {
        var request = generation.Request;
        var sampler = _model.CreateSampler(request);
        if (sampler is null)
        {
            generation.Complete(new(null, new(
                ReasonCodes.UnsupportedParameter, "what this node serves cannot be held to an output format",
                "response_format", "A simulation writes no JSON; ask a node that serves a model.")));
            return;
        }

        _waiting.AddLast(new EngineSequence(generation, sampler, BlockHash.Root(request.Salt, request.Adapter)));
        Show();
    }

    /// <summary>One pass of the model.</summary>
    public void Step()
    {
        DropCancelled();
        Admit();
        while (Plan())
        {
            foreach (var sequence in _running) AddToBatch(sequence);
            var result = _context.Decode();
            if (result == 0)
            {
                Settle();
                break;
            }

            // 1: no room although the count said so. Anything else: this batch is lost, those that wait are not.
            if (result == 1 && (_cache.EvictOne() || PreemptYoungest())) continue;
            foreach (var s in _running.Where(s => s.Scheduled > 0).ToArray())
                Fail(s, new(ReasonCodes.EngineFailed, $"llama.cpp fails to decode ({result})", "engine"));
            break;
        }

        Show();
        _outbox.Publish();

        for (var i = 0; i < MostArchivedAtOnce && _cache.IdleCells > _idleTokens && _cache.EvictOne(); i++)
        {
        }

        Show();
        _observer?.Flush();
    }

    /// <summary>Ends everything.</summary>
    public void FailAll(RuntimeError error)
    {
        foreach (var sequence in _running.Concat(_waiting).ToArray()) Fail(sequence, error);
        _outbox.Publish();
    }

    public void Dispose() => _context.Dispose();

    private void Show()
    {
        _counters.Show(_running.Count, _waiting.Count, PoolTokens - FreeCells);
        _counters.ShowAttentionFallbacks(_context.AttentionFallbacks);
        if (_model.Adapters.Count > 0) _counters.ShowAdapters(Names(_running), Names(_waiting));
    }

    private static string Names(IEnumerable<EngineSequence> sequences) =>
        string.Join(',', sequences.Select(s => s.Adapter).OfType<string>().Distinct(StringComparer.Ordinal));

    private void DropCancelled()
    {
        for (var i = _running.Count - 1; i >= 0; i--)
            if (_running[i].Generation.IsCancelled)
                Finish(_running[i], Cancelled);
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Generation.IsCancelled) Finish(node.Value, Cancelled);
            node = next;
        }
    }

    private void Admit()
    {
        if (_crowded && _running.Count > 0) return;
        _crowded = false;
        while (_running.Count < _options.ParallelSequences && _waiting.First is { } first)
        {
            var sequence = first.Value;
            sequence.HashBlocks(_options.BlockTokens);
            // The last token is always computed: its logits are what the next token is chosen from.
            var reusable = _model.CanShareCells ? (sequence.Tokens.Length - 1) / _options.BlockTokens : 0;
            var hashes = sequence.Hashes.ToArray();
            var matched = _cache.Match(hashes.AsSpan(0, reusable));
            if (_cache.Start(hashes, matched) is not { } cells) return;
            sequence.Cells = cells;
            sequence.CommittedBlocks = matched;
            sequence.Computed = matched * _options.BlockTokens;
            _waiting.RemoveFirst();
            _running.Add(sequence);
            Restore(sequence, reusable);
            Import(sequence);
            if (sequence.Preemptions > 0) continue;
            sequence.Generation.CachedTokens = sequence.Computed;
            _counters.CountPrompt(sequence.PromptTokens, sequence.Computed);
        }
    }

    /// <summary>Goes on with blocks of the prompt that are in the archive.</summary>
    private void Restore(EngineSequence sequence, int reusable)
    {
        var size = _options.BlockTokens;
        while (sequence.CommittedBlocks < reusable
            && _cache.IsArchived(sequence.Hashes[sequence.CommittedBlocks])
            && MakeRoom(size)
            && _cache.FindArchived(sequence.Hashes[sequence.CommittedBlocks]) is { } state
            && _context.Import(state.Span, sequence.Cells!.Id, sequence.Computed, sequence.Computed + size))
        {
            sequence.Computed += size;
            Commit(sequence, isRestored: true);
        }
    }

    private void Import(EngineSequence sequence)
    {
        if (sequence.Generation.Request.Import is not { } import || sequence.Preemptions > 0) return;
        import.Use(segments => Import(sequence, segments));
    }

    private void Import(EngineSequence sequence, IReadOnlyList<KvSegment> segments)
    {
        foreach (var segment in segments)
        {
            if (segment.To <= sequence.Computed) continue;
            if (segment.From > sequence.Computed || segment.To >= sequence.Tokens.Length) break;
            if (!MakeRoom(segment.To - segment.From)) break;
            if (!_context.Import(segment.State.Span, sequence.Cells!.Id, sequence.Computed, segment.To)) break;
            sequence.Generation.ImportedTokens += segment.To - sequence.Computed;
            sequence.Computed = segment.To;
            Commit(sequence);
        }
    }

    /// <summary>
    /// Chooses what the next pass computes and makes room for it; false when there is nothing to compute.
    /// </summary>
    private bool Plan()
    {
        string? adapter;
        do
        {
            _context.ClearBatch();
            adapter = NextAdapter();
            var writing = 0;
            foreach (var sequence in _running)
                writing += sequence.Scheduled = sequence.Pending == 1 && sequence.Adapter == adapter ? 1 : 0;
            var room = _options.BatchTokens - writing;
            var chunk = writing == 0 ? room : Math.Min(room, _options.PrefillChunkTokens);
            foreach (var sequence in _running)
            {
                if (sequence.Pending == 1 || chunk == 0 || sequence.Adapter != adapter) continue;
                sequence.Scheduled = Math.Min(chunk, sequence.Pending);
                chunk -= sequence.Scheduled;
            }
        }
        while (!MakeRoom(_running.Sum(s => s.Scheduled)) && PreemptYoungest());

        if (_running.Count == 0) return false;
        _context.UseAdapter(adapter);
        _adapter = adapter;
        return true;
    }

    /// <summary>
    /// The adapter of the next pass. A pass has one for all its tokens, so the adapters of those that run take turns.
    /// </summary>
    private string? NextAdapter()
    {
        if (_running.Count == 0) return null;
        if (_model.Adapters.Count == 0) return null;
        var first = _running[0].Adapter;
        var passed = false;
        foreach (var sequence in _running)
        {
            if (passed && sequence.Adapter != _adapter && IsFirstOfItsAdapter(sequence)) return sequence.Adapter;
            passed |= sequence.Adapter == _adapter;
        }

        return first;
    }

    private bool IsFirstOfItsAdapter(EngineSequence sequence) =>
        _running.Find(s => s.Adapter == sequence.Adapter) == sequence;

    private void AddToBatch(EngineSequence sequence)
    {
        sequence.OutputIndex = -1;
        var last = sequence.Computed + sequence.Scheduled - 1;
        for (var p = sequence.Computed; p <= last; p++)
        {
            var output = p == sequence.Tokens.Length - 1;
            var index = _context.Add(sequence.Tokens[p], p, sequence.Cells!.Id, output);
            if (output) sequence.OutputIndex = index;
        }
    }

    /// <summary>Frees cells by evicting prefixes that nobody uses; false when that is not enough.</summary>
    private bool MakeRoom(int cells)
    {
        while (FreeCells < cells)
            if (!_cache.EvictOne())
                return false;
        return true;
    }

    /// <summary>
    /// Takes the cells of the sequence that came last; it starts over, from whatever prefix survives, once another
    /// has ended. The last one is never taken: the pool holds any single sequence.
    /// </summary>
    private bool PreemptYoungest()
    {
        if (_running.Count <= 1) return false;
        StartOver(_running[^1]);
        _crowded = true;
        return true;
    }

    /// <summary>Takes a sequence's cells; it is the next to be admitted.</summary>
    private void StartOver(EngineSequence sequence)
    {
        _running.Remove(sequence);
        _cache.Finish(sequence.Cells!);
        sequence.Cells = null;
        sequence.Computed = 0;
        sequence.CommittedBlocks = 0;
        sequence.Scheduled = 0;
        sequence.OutputIndex = -1;
        sequence.Preemptions++;
        _waiting.AddFirst(sequence);
        _counters.CountPreemption();
    }
}
