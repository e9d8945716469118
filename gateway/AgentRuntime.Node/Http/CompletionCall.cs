using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Http;

/// <summary>
/// One request from its start to its end: fetches KV state where asked, submits the generations, reads them, and on
/// every way out cancels what runs and releases what is held. Used by one request.
/// </summary>
internal sealed class CompletionCall(NodeService node, CompletionRequest request) : IAsyncDisposable
{
    /// <summary>
    /// Choices of one request in the engine for each sequence that it computes at once: one to compute and one that
    /// takes its place.
    /// </summary>
    private const int ChoicesPerSequence = 2;

    private readonly long _startedAt = node.Time.GetTimestamp();
    private readonly List<Choice> _choices = [];
    private readonly List<int[]> _prompts = [];
    private KvLease? _lease;
    private KvImport? _import;
    private RuntimeError? _transferError;
    private ServedAdapter? _adapter;
    private Task _released = Task.CompletedTask;
    private Task _announced = Task.CompletedTask;
    private bool _finished;

    public CompletionRequest Request { get; } = request;

    /// <summary>Checks the prompts, fetches KV state and submits the first generation.</summary>
    /// <exception cref="RuntimeErrorException">AR1004, AR1010, AR4006, AR4007, AR4009, AR4011, AR4012.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _adapter = node.Adapter(Request.Model);
        if (!node.Model.Generates)
            throw CompletionRequestReader.Unsupported("the model writes no text: it only embeds", "model");
        for (var i = 0; i < Math.Max(1, Request.Prompts.Count); i++) _prompts.Add(node.Tokenize(Request, i));
        if (Request.Transfer is { RemotePrefill: true } transfer) await ImportAsync(transfer, cancellationToken);
        if (Request.Transfer is { RemoteDecode: true } to && node.Model.CanMoveState)
        {
            var segmentTokens = Math.Min(NodeService.SegmentTokens, node.Model.MostMovedTokens);
            _lease = node.Leases.Open(
                _prompts[0], _adapter?.Digest, Request.CacheSalt, segmentTokens, wish: to.RequestId);
            // What fits one segment is complete before it could be asked for.
            if (to is { Host: not null, Port: not null } && _lease.Export.Tokens > segmentTokens)
                _announced = node.Client.AnnounceAsync(to, node.HandOver(_lease));
        }

        Submit(0);
    }

    /// <summary>The tokens of a choice's prompt.</summary>
    public int PromptTokens(int choice) => _prompts[choice / Request.Choices].Length;

    /// <summary>Prompt tokens of a choice that were not computed; known with its first piece.</summary>
    public int CachedTokens(int choice) => _choices.Find(c => c.Index == choice)?.Generation.CachedTokens ?? 0;

    /// <summary>The answer's pieces, of all choices as they come.</summary>
    public async IAsyncEnumerable<ChoiceDelta> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var leg = RuntimeTelemetry.Source.StartActivity($"prefill {node.ModelName}");
        leg?.SetTag("gen_ai.usage.input_tokens", _prompts.Sum(p => p.Length));
        try
        {
            await foreach (var delta in MergeAsync(cancellationToken))
            {
                if (leg?.OperationName.StartsWith("prefill", StringComparison.Ordinal) == true
                    && _choices[0].FirstTokenAt is not null)
                {
                    leg.SetTag("gen_ai.usage.cached_tokens", _choices[0].Generation.CachedTokens);
                    leg.Dispose();
                    leg = RuntimeTelemetry.Source.StartActivity($"decode {node.ModelName}");
                }

                yield return delta;
            }

            leg?.SetTag("gen_ai.usage.output_tokens", _choices.Sum(c => c.OutputTokens));
        }
        finally
        {
            leg?.Dispose();
        }
    }

    /// <summary>The figures, once everything was read; a lease starts to run.</summary>
    public Totals Finish()
    {
        _finished = true;
        if (_lease is { } lease && (!lease.Export.IsComplete || !node.Leases.Begin(lease)))
        {
            node.Leases.Release(lease.Id);
            _lease = null;
        }

        var first = _choices[0];
        var firstToken = node.Time.GetElapsedTime(_startedAt, first.FirstTokenAt ?? node.Time.GetTimestamp());
        node.Metrics.TimeToFirstToken.Observe(firstToken.TotalSeconds);
        node.Metrics.EndToEnd.Observe(node.Time.GetElapsedTime(_startedAt).TotalSeconds);
        return new(
            _prompts.Sum(p => p.Length), _choices.Sum(c => c.OutputTokens),
            _choices.Where(c => c.Index % Request.Choices == 0).Sum(c => c.Generation.CachedTokens),
            firstToken.TotalMilliseconds, Report(), _lease);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var choice in _choices) choice.Generation.Cancel();
        _import?.Release();
        if (!_finished && _lease is { } lease) node.Leases.Release(lease.Id);
        await _announced;
        await _released;
    }

    private TransferReport? Report()
    {
        if (Request.Transfer is not { RemotePrefill: true }) return null;
        if (_import is null) return new(
            0, 0, 0, (_transferError?.Code ?? ReasonCodes.KvTransferFailed).ToString(), _transferError?.Message);
        var tokens = _choices[0].Generation.ImportedTokens;
        // Nothing imported although it was fetched: the local cache had it all, or the engine refused the state.
        var refused = tokens == 0
            && _choices[0].Generation.CachedTokens + node.Options.BlockTokens < _prompts[0].Length;
        return new(
            _import.Bytes, _import.FetchTime.TotalMilliseconds, tokens,
            refused ? ReasonCodes.KvTransferFailed.ToString() : null);
    }

    private async Task ImportAsync(KvTransferParams transfer, CancellationToken cancellationToken)
    {
        using var activity = RuntimeTelemetry.Source.StartActivity("kv_transfer", ActivityKind.Client);
        try
        {
            if (!node.Model.CanMoveState)
                throw new RuntimeErrorException(new(ReasonCodes.KvMismatch, "this model's state cannot be moved"));
            _import = await AheadAsync(transfer, cancellationToken)
                ?? await node.Client.FetchAsync(
                    transfer, _prompts[0], _adapter?.Digest, Request.CacheSalt, cancellationToken);
            node.Metrics.CountTransfer(_import.Bytes, _import.FetchTime.TotalSeconds);
            activity?.SetTag("agentruntime.kv_transfer.bytes", _import.Bytes);
            activity?.SetTag("agentruntime.kv_transfer.from", transfer.EngineId);
        }
        catch (RuntimeErrorException e)
        {
            node.Metrics.CountTransferFailure();
            activity?.SetStatus(ActivityStatusCode.Error, e.Error.Code.ToString());
            if (node.Options.KvLoadFailure == KvLoadFailure.Fail) throw;
            _transferError = e.Error;
        }
        finally
        {
            // The answer does not wait for it, only the request's end does.
            _released = node.Client.ReleaseAsync(transfer);
        }
    }

    /// <summary>What was fetched while the prompt was computed; null when nothing was.</summary>
    private async Task<KvImport?> AheadAsync(KvTransferParams transfer, CancellationToken cancellationToken)
    {
        if (transfer.RequestId is not { } id) return null;
        var start = node.Time.GetTimestamp();
        return await node.Expectations.TakeAsync(id, cancellationToken) is { } fetched
            ? node.Client.Accept(fetched, _prompts[0], _adapter?.Digest, node.Time.GetElapsedTime(start))
            : null;
    }

    private Choice Submit(int index)
    {
        var prompt = _prompts[index / Request.Choices];
        var generation = node.Engine.Submit(new(
            prompt, node.MaxTokens(Request, prompt.Length),
            Request.Sampling with
            {
                Seed = CompletionRequestReader.FoldSeed((long)Request.Sampling.Seed + (index % Request.Choices)),
            })
        {
            Salt = Request.CacheSalt,
            Retain = Request.Retain,
            Adapter = _adapter?.Name,
            IgnoreEnd = Request.IgnoreEnd,
            Export = _lease?.Export,
            Import = _import,
        });
        var choice = new Choice(node, Request, index, generation);
        _choices.Add(choice);
        return choice;
    }

    /// <summary>As <see cref="Submit"/>; null where the queue is full, unless that is to be thrown.</summary>
    private Choice? TrySubmit(int index, bool orThrow)
    {
        try
        {
            return Submit(index);
        }
        catch (RuntimeErrorException e) when (e.Error.Code == ReasonCodes.Saturated && !orThrow)
        {
            return null;
        }
    }

    private IAsyncEnumerable<ChoiceDelta> MergeAsync(CancellationToken cancellationToken) =>
        _prompts.Count * Request.Choices == 1 ? _choices[0].ReadAsync(cancellationToken)
            : MergeManyAsync(cancellationToken);

    /// <summary>
    /// The first choice of a prompt computes it; the others start with its first token, so that they share its blocks.
    /// No more of them are in the engine than keep it busy: however many a request asks for, they find room, and those
    /// of others are not behind them all.
    /// </summary>
    private async IAsyncEnumerable<ChoiceDelta> MergeManyAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var merged = Channel.CreateBounded<ChoiceDelta>(64);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = new List<Task>();
        async Task ReadAsync(Choice choice)
        {
            await foreach (var delta in choice.ReadAsync(stop.Token)) await merged.Writer.WriteAsync(delta, stop.Token);
        }

        var most = ChoicesPerSequence * node.Options.ParallelSequences;
        var pending = new Queue<int>(Enumerable.Range(1, _prompts.Count - 1).Select(p => p * Request.Choices));
        var begun = new HashSet<int>();
        var ended = 0;
        var isFull = false;
        readers.Add(ReadAsync(_choices[0]));
        try
        {
            while (ended < _prompts.Count * Request.Choices)
            {
                while (!isFull && readers.Count - ended < most && pending.TryPeek(out var next))
                {
                    // Where others fill the queue, the next choice waits for one of its own to end.
                    var choice = TrySubmit(next, orThrow: readers.Count == ended);
                    isFull = choice is null;
                    if (choice is null) break;
                    pending.Dequeue();
                    readers.Add(ReadAsync(choice));
                }

                var delta = await merged.Reader.ReadAsync(cancellationToken);
                if (delta.Index % Request.Choices == 0 && begun.Add(delta.Index))
                    for (var i = 1; i < Request.Choices; i++) pending.Enqueue(delta.Index + i);
                if (delta.FinishReason is not null || delta.Error is not null)
                {
                    ended++;
                    isFull = false;
                }

                yield return delta;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(readers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
