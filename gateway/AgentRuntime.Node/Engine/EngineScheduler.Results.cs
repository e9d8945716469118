using AgentRuntime.Abstractions;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <content>What a pass has computed: blocks, exports, tokens, and how sequences end.</content>
internal sealed partial class EngineScheduler
{
    /// <summary>Takes the results of a pass: blocks, exports, tokens.</summary>
    private void Settle()
    {
        FailWhatIsNoNumber();
        // Whoever starts over is not among those that run.
        foreach (var sequence in _running.Where(s => s.Scheduled > 0).ToArray())
        {
            sequence.Computed += sequence.Scheduled;
            sequence.Scheduled = 0;
            Commit(sequence);
            Export(sequence);
            if (sequence.OutputIndex >= 0) Choose(sequence);
        }
    }

    /// <summary>
    /// Fails the sequences for which no numbers came out, before anything of what they computed is kept. What they
    /// stand on may be why: it is forgotten as far as nobody got to numbers on it, with whatever was computed on that,
    /// so that the next request computes it anew. Others that stand on it start over.
    /// </summary>
    private void FailWhatIsNoNumber()
    {
        List<EngineSequence>? spoiled = null;
        foreach (var sequence in _running)
        {
            if (sequence.OutputIndex < 0) continue;
            var logits = _context.Logits(sequence.OutputIndex);
            if (logits.IsEmpty || Logits.AllowAChoice(logits)) PrefixCache.Vouch(sequence.Cells!);
            else (spoiled ??= []).Add(sequence);
        }

        if (spoiled is null) return;
        HashSet<BlockHash> doubtful = [];
        foreach (var sequence in spoiled)
        {
            // It starts over: another had no numbers on the same blocks.
            if (sequence.Cells is not { } cells) continue;
            if (cells.Tip is { } tip) doubtful.Add(tip.First);
            var suspect = _cache.Suspect(cells);
            Fail(sequence, new(
                ReasonCodes.EngineFailed, "the model computes what is not a number", "engine",
                "Send it again: what was kept of its prompt is forgotten and will be computed anew."));
            if (suspect is null) continue;
            for (var i = _running.Count - 1; i >= 0; i--)
                if (PrefixCache.StandsOn(_running[i].Cells!, suspect))
                    StartOver(_running[i]);
            _cache.Forget(suspect);
        }

        foreach (var first in doubtful) _cache.Doubt(first);
    }

    private void Commit(EngineSequence sequence, bool isRestored = false)
    {
        if (!_model.CanShareCells) return;
        sequence.HashBlocks(_options.BlockTokens);
        while ((sequence.CommittedBlocks + 1) * _options.BlockTokens <= sequence.Computed)
        {
            var tokens = sequence.Tokens.Slice(sequence.CommittedBlocks * _options.BlockTokens, _options.BlockTokens);
            _cache.Commit(
                sequence.Cells!, sequence.Hashes[sequence.CommittedBlocks], tokens,
                sequence.Generation.Request.Salt, sequence.Adapter, isRestored);
            sequence.CommittedBlocks++;
        }
    }

    private void Export(EngineSequence sequence)
    {
        if (sequence.Generation.Request.Export is not { } export) return;
        while (export.NextSegment(Math.Min(sequence.Computed, sequence.PromptTokens - 1)) is { } range)
            export.Add(range.From, range.To, _context.Export(
                sequence.Cells!.Id, range.From, range.To, KvBuffer.Rent));
    }

    private void Choose(EngineSequence sequence)
    {
        var logits = _context.Logits(sequence.OutputIndex);
        sequence.OutputIndex = -1;

        var request = sequence.Generation.Request;
        var token = sequence.Sampler.Sample(logits, _candidates);
        if (token == ITokenSampler.None)
        {
            Fail(sequence, new(
                ReasonCodes.MalformedRequest, "no token goes on as the output grammar demands", "response_format"));
            return;
        }

        if (token == ITokenSampler.TooWide)
        {
            Fail(sequence, new(
                ReasonCodes.UnsupportedParameter,
                "the output grammar can go on in too many ways here",
                "response_format",
                "Repeat what may be left out less often, and let there be fewer alternatives."));
            return;
        }

        var ends = _model.EndsGeneration(token) && !request.IgnoreEnd;
        if (!ends)
        {
            var probabilities = request.Sampling.LogProbabilities is { } top
                ? LogProbabilities.Of(logits, token, top)
                : null;
            sequence.Append(token);
            _counters.CountGenerated();
            _outbox.Add(sequence.Generation, new(token, probabilities));
        }

        if (ends) End(sequence, new("stop") { Token = token });
        else if (sequence.Generated >= request.MaxTokens) Finish(sequence, "length");
    }

    private void Finish(EngineSequence sequence, string reason) => End(sequence, new(reason));

    private void Fail(EngineSequence sequence, RuntimeError error) => End(sequence, new(null, error));

    private void End(EngineSequence sequence, GenerationEnd end)
    {
        if (!_running.Remove(sequence)) _waiting.Remove(sequence);
        _crowded = false;
        var generation = sequence.Generation;
        // Whoever gave up, or failed, does not come back for it.
        var goesOn = generation.IsWhole || (end.Error is null && end.FinishReason != Cancelled);
        if (sequence.Cells is { } cells)
            _cache.Finish(cells, goesOn ? generation.Request.Retain : [], sequence.PromptTokens);
        sequence.Sampler.Dispose();
        generation.Request.Import?.Release();
        _outbox.Add(generation, new(0, null, end));
    }
}
