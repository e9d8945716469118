using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class MeteredInferenceRouterTests
{
    private static readonly InferenceUsage Used = new(new(10), new(4), new(3));
    private readonly LedgerFixture _quota = new() { Limits = new() { TokensPerMinute = new(1_000) } };
    private readonly List<(InferenceUsage Usage, MicroUsd Cost)> _settled = [];

    [Fact]
    public async Task The_last_chunk_carries_the_cost_and_the_hold_is_settled_on_what_was_used()
    {
        var chunks = await ReadAsync(new ScriptedRouter(Text("a"), Text("b"), new() { Usage = Used }));
        Assert.Equal(13, chunks[^1].Cost!.Value.Value);
        Assert.All(chunks[..^1], c => Assert.Null(c.Cost));
        Assert.Equal(1_000 - 13, TokensLeft);
    }

    [Fact]
    public async Task While_it_runs_the_request_holds_its_most()
    {
        var seen = 0L;
        await ReadAsync(
            new ScriptedRouter(Text("a"), new() { Usage = Used }), onChunk: c => seen = seen == 0 ? TokensLeft : seen);
        Assert.Equal(1_000 - 100 - 20, seen);
    }

    [Fact]
    public async Task Media_are_held_beside_the_bytes_and_estimated_like_them()
    {
        var seen = 0L;
        await ReadAsync(
            new ScriptedRouter(Text("a"), Text("b")), take: 1, onChunk: _ => seen = TokensLeft, mediaTokens: 40);
        Assert.Equal((1_000 - 140 - 20, 1_000 - 35 - 1), (seen, TokensLeft));
    }

    [Fact]
    public async Task A_refused_request_never_reaches_the_engines()
    {
        _quota.Limits = new QuotaLimits { TokensPerMinute = new(50) };
        var inner = new ScriptedRouter(new InferenceChunk { Usage = Used });
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => ReadAsync(inner));
        Assert.Equal(ReasonCodes.TokenQuota, e.Error.Code);
        Assert.Equal(0, inner.Requests);
    }

    [Fact]
    public async Task A_failure_before_the_first_chunk_is_free()
    {
        await Assert.ThrowsAsync<RuntimeErrorException>(
            () => ReadAsync(new ScriptedRouter { FailsWith = ReasonCodes.NoEngine }));
        Assert.Equal(1_000, TokensLeft);
        Assert.Equal(0, _quota.Ledger.OpenHolds(_quota.Caller.Tenant));
    }

    [Fact]
    public async Task A_failure_in_mid_stream_is_charged_by_what_came()
    {
        await Assert.ThrowsAsync<RuntimeErrorException>(() => ReadAsync(
            new ScriptedRouter(Text("a"), Text("b")) { FailsWith = ReasonCodes.EngineDiedMidStream }));
        Assert.Equal(1_000 - 25 - 2, TokensLeft);
    }

    [Fact]
    public async Task The_caller_is_told_once_what_was_charged_however_the_answer_ended()
    {
        var used = new InferenceChunk { Usage = Used };
        await ReadAsync(new ScriptedRouter(Text("a"), used, used));
        await ReadAsync(new ScriptedRouter(Text("a"), Text("b")), take: 1);
        await Assert.ThrowsAsync<RuntimeErrorException>(() => ReadAsync(
            new ScriptedRouter(Text("a"), Text("b")) { FailsWith = ReasonCodes.EngineDiedMidStream }));
        await Assert.ThrowsAsync<RuntimeErrorException>(
            () => ReadAsync(new ScriptedRouter { FailsWith = ReasonCodes.NoEngine }));
        Assert.Equal(
            [(Used, new(13)), (new(new(25), default, new(1)), new(27)), (new(new(25), default, new(2)), new(29))],
            _settled);
    }

    [Fact]
    public async Task A_caller_that_leaves_pays_for_what_came_and_holds_nothing_more()
    {
        await ReadAsync(new ScriptedRouter(Text("a"), Text("b"), Text("c"), new() { Usage = Used }), take: 2);
        Assert.Equal(1_000 - 25 - 2, TokensLeft);
        Assert.Equal(0, _quota.Ledger.OpenHolds(_quota.Caller.Tenant));
    }

    [Fact]
    public async Task A_caller_that_cancels_is_settled_though_its_token_is_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(
            new ScriptedRouter(Text("a"), Text("b")), onChunk: _ => cancel.Cancel(), cancellationToken: cancel.Token));
        Assert.Equal(0, _quota.Ledger.OpenHolds(_quota.Caller.Tenant));
        Assert.Equal(1_000 - 25 - 1, TokensLeft);
    }

    [Fact]
    public async Task Tokens_are_recorded_by_the_genai_conventions_and_never_by_run()
    {
        var recorded = new List<(long Tokens, string Labels)>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            var labels = string.Join(' ', tags.ToArray().Select(t => $"{t.Key}={t.Value}"));
            if (labels.Contains("gen_ai.request.model=recorded", StringComparison.Ordinal))
                recorded.Add((value, labels));
        });
        listener.EnableMeasurementEvents(RuntimeTelemetry.TokenUsage);
        var quota = new LedgerFixture();
        var ledger = new QuotaLedger(
            quota, new ConfiguredPriceBook(new Dictionary<string, ModelPrice>(), LedgerFixture.Price), quota.Spend,
            quota.Time);
        var router = new MeteredInferenceRouter(new ScriptedRouter(new InferenceChunk { Usage = Used }), ledger);
        await foreach (var _ in router.GenerateAsync(
            new InferenceRequest(quota.Caller, "recorded", InferenceOperation.Chat, new byte[9], 20),
            CancellationToken.None))
        {
        }
        Assert.Equal([10L, 3L], recorded.Select(r => r.Tokens));
        Assert.Contains("gen_ai.token.type=input", recorded[0].Labels, StringComparison.Ordinal);
        Assert.Contains("gen_ai.token.type=output", recorded[1].Labels, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "run", recorded[0].Labels.Replace("agentruntime", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private long TokensLeft => _quota.Ledger.Status(_quota.Caller.Tenant).TokensLeft.Value;

    private static InferenceChunk Text(string text) => new() { Text = text };

    private async Task<List<InferenceChunk>> ReadAsync(
        IInferenceRouter inner,
        int take = int.MaxValue,
        Action<InferenceChunk>? onChunk = null,
        long mediaTokens = 0,
        CancellationToken cancellationToken = default)
    {
        var router = new MeteredInferenceRouter(inner, _quota.Ledger);
        var request = new InferenceRequest(
            _quota.Caller, LedgerFixture.Model, InferenceOperation.Chat, new byte[100], MaxOutputTokens: 20)
        {
            Settled = (usage, cost) => _settled.Add((usage, cost)),
            MediaTokensAtMost = new(mediaTokens),
        };
        var chunks = new List<InferenceChunk>();
        await foreach (var chunk in router.GenerateAsync(request, cancellationToken))
        {
            onChunk?.Invoke(chunk);
            chunks.Add(chunk);
            if (chunks.Count == take)
                break;
        }
        return chunks;
    }

    /// <summary>Streams given chunks, then ends or fails.</summary>
    private sealed class ScriptedRouter(params InferenceChunk[] chunks) : IInferenceRouter
    {
        public ReasonCode? FailsWith { get; init; }

        public int Requests { get; private set; }

        public IReadOnlyList<ServedModel> Models => [];

        public async IAsyncEnumerable<InferenceChunk> GenerateAsync(
            InferenceRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Requests++;
            foreach (var chunk in chunks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.Yield();
                yield return chunk;
            }
            if (FailsWith is { } code)
                throw new RuntimeErrorException(new RuntimeError(code, "scripted"));
        }
    }
}
