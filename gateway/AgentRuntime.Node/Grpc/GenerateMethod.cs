using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// <c>Generate</c>: chunks of tokens where they are asked for, and one complete message for each choice, also when it
/// was aborted. One for the node; thread-safe.
/// </summary>
internal sealed class GenerateMethod(NodeService node, RunningRequests running)
{
    public async Task ServeAsync(
        GenerateRequest request, IRpcWriter<GenerateResponse> responses, RpcServerCall call)
    {
        using var entry = running.Start(request.RequestId, call.CancellationToken);
        var completion = GenerateRequestReader.Read(request, node);
        await using var run = new CompletionCall(node, completion);
        var choices = Enumerable.Range(0, completion.Choices).Select(i => new ChoiceSoFar(i)).ToArray();
        try
        {
            await run.StartAsync(entry.Token);
            var open = choices.Length;
            await foreach (var delta in run.ReadAsync(entry.Token))
            {
                if (delta.Error is { } error) throw RpcRefusal.Of(error);
                var choice = choices[delta.Index];
                choice.Add(delta);
                if (completion.Stream && delta.Token is not null)
                    await responses.WriteAsync(new() { Chunk = Chunk(run, delta) });
                if (delta.FinishReason is null) continue;
                var totals = --open == 0 ? run.Finish() : null;
                await responses.WriteAsync(new() { Complete = Complete(run, choice, delta, totals) });
            }
        }
        catch (OperationCanceledException) when (entry.IsAborted && !call.CancellationToken.IsCancellationRequested)
        {
            foreach (var choice in choices.Where(c => !c.Ended))
                await responses.WriteAsync(new() { Complete = Complete(run, choice, null, null) });
        }
    }

    private static GenerateStreamChunk Chunk(CompletionCall run, ChoiceDelta delta)
    {
        // As from vLLM: the tokens since the last chunk and their number.
        var chunk = new GenerateStreamChunk
        {
            TokenIds = { (uint)delta.Token!.Value },
            PromptTokens = (uint)run.PromptTokens(delta.Index),
            CompletionTokens = 1,
            CachedTokens = (uint)run.CachedTokens(delta.Index),
            Index = (uint)delta.Index,
        };
        if (delta.Tokens.Count > 0) chunk.OutputLogprobs = LogProbabilities(delta.Tokens);
        return chunk;
    }

    private GenerateComplete Complete(CompletionCall run, ChoiceSoFar choice, ChoiceDelta? last, Totals? totals)
    {
        var complete = new GenerateComplete
        {
            OutputIds = { choice.Tokens },
            FinishReason = last?.FinishReason ?? "abort",
            PromptTokens = (uint)run.PromptTokens(choice.Index),
            CompletionTokens = (uint)choice.Tokens.Count,
            CachedTokens = (uint)run.CachedTokens(choice.Index),
            Index = (uint)choice.Index,
        };
        if (choice.Reports.Count > 0) complete.OutputLogprobs = LogProbabilities(choice.Reports);
        if (last?.MatchedToken is { } token) complete.MatchedTokenId = (uint)token;
        else if (last?.MatchedStop is { } stop) complete.MatchedStopStr = stop;
        if (totals?.Lease is { } lease) complete.KvTransferParamsJson = Handoff(lease);
        return complete;
    }

    private string Handoff(Transfer.KvLease lease)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer)) KvHandoffJson.Write(json, node, lease);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static OutputLogProbs LogProbabilities(IReadOnlyList<TokenReport> tokens)
    {
        var result = new OutputLogProbs();
        foreach (var token in tokens)
        {
            result.TokenIds.Add((uint)token.Token);
            result.TokenLogprobs.Add(token.LogProbabilities.Chosen);
            var top = new TopLogProbs();
            foreach (var (id, probability) in token.LogProbabilities.Top)
            {
                top.TokenIds.Add((uint)id);
                top.Values.Add(probability);
            }

            result.TopLogprobs.Add(top);
        }

        return result;
    }

    /// <summary>A choice that is being collected.</summary>
    private sealed class ChoiceSoFar(int index)
    {
        public int Index { get; } = index;

        public List<uint> Tokens { get; } = [];

        public List<TokenReport> Reports { get; } = [];

        public bool Ended { get; private set; }

        public void Add(ChoiceDelta delta)
        {
            if (delta.Token is { } token) Tokens.Add((uint)token);
            Reports.AddRange(delta.Tokens);
            Ended |= delta.FinishReason is not null;
        }
    }
}
