using System.Runtime.CompilerServices;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// Reserves before a request reaches the engines and settles when it ends, however it ends. A refusal is thrown before
/// the first chunk (AR6xxx, AR2001). The engine's own count settles the hold; when it never came (the engine died, or
/// the caller left), the prompt is estimated from its bytes and the output counted by its chunks. A request that
/// failed before its first chunk is not charged. Thread-safe.
/// </summary>
public sealed class MeteredInferenceRouter(IInferenceRouter inner, IQuotaLedger ledger) : IInferenceRouter
{
    /// <summary>
    /// English text has about four bytes a token, and an image a fraction of the most that one may have; used only
    /// where the engine's count is missing.
    /// </summary>
    private const int MostPerToken = 4;

    /// <inheritdoc/>
    public IReadOnlyList<ServedModel> Models => inner.Models;

    /// <inheritdoc/>
    public async IAsyncEnumerable<InferenceChunk> GenerateAsync(
        InferenceRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var outcome = await ledger.ReserveAsync(
            new Reservation(
                request.Identity, request.Model, request.PromptTokensAtMost, new TokenCount(request.MaxOutputTokens)),
            cancellationToken).ConfigureAwait(false);
        if (outcome is ReserveOutcome.Refused refused)
            throw new RuntimeErrorException(refused.Error);

        var hold = ((ReserveOutcome.Granted)outcome).Hold;
        var (settled, failedAtOnce, chunks) = (false, false, 0);
        try
        {
            await using var answer = inner.GenerateAsync(request, cancellationToken).GetAsyncEnumerator(
                cancellationToken);
            while (true)
            {
                try
                {
                    if (!await answer.MoveNextAsync().ConfigureAwait(false))
                        break;
                }
                catch (RuntimeErrorException) when (chunks == 0)
                {
                    failedAtOnce = true;
                    throw;
                }
                chunks++;
                var chunk = answer.Current;
                if (chunk.Usage is { } usage && !settled)
                {
                    settled = true;
                    chunk = chunk with { Cost = await SettleAsync(request, hold, usage).ConfigureAwait(false) };
                }
                yield return chunk;
            }
        }
        finally
        {
            // The caller's token may be the reason that this runs: settling must not be cancelled by it.
            if (failedAtOnce)
                await ledger.ReleaseAsync(hold, CancellationToken.None).ConfigureAwait(false);
            else if (!settled)
                await SettleAsync(request, hold, Estimate(request, chunks)).ConfigureAwait(false);
        }
    }

    private static InferenceUsage Estimate(InferenceRequest request, int chunks) => new(
        new TokenCount((request.PromptTokensAtMost.Value + MostPerToken - 1) / MostPerToken),
        default,
        new TokenCount(Math.Min(chunks, request.MaxOutputTokens)));

    private async ValueTask<MicroUsd> SettleAsync(InferenceRequest request, QuotaHold hold, InferenceUsage usage)
    {
        var cost = await ledger.SettleAsync(hold, usage, CancellationToken.None).ConfigureAwait(false);
        Record(request, "input", usage.Prompt);
        Record(request, "output", usage.Output);
        request.Settled?.Invoke(usage, cost);
        return cost;
    }

    /// <summary>Models without a price were refused, so the model's name is a bounded label.</summary>
    private static void Record(InferenceRequest request, string type, TokenCount tokens) =>
        RuntimeTelemetry.TokenUsage.Record(
            tokens.Value,
            new("gen_ai.operation.name", request.Operation switch
            {
                InferenceOperation.Chat => "chat",
                InferenceOperation.Embedding => "embeddings",
                _ => "text_completion",
            }),
            new("gen_ai.provider.name", "agentruntime"),
            new("gen_ai.request.model", request.Model),
            new("gen_ai.token.type", type));
}
