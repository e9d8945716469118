using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Http;

/// <summary>A piece of a choice's answer, or its end. Immutable.</summary>
internal sealed record ChoiceDelta(int Index, string Text)
{
    public IReadOnlyList<TokenReport> Tokens { get; init; } = [];

    /// <summary>The token that the piece comes from; null for none, or when tokens are not asked for.</summary>
    public int? Token { get; init; }

    /// <summary>The token of the request's own that ended the answer; null for none.</summary>
    public int? MatchedToken { get; init; }

    /// <summary>The stop string that ended the answer; null for none.</summary>
    public string? MatchedStop { get; init; }

    /// <summary>Calls of tools, each whole.</summary>
    public IReadOnlyList<RequestToolCall> Calls { get; init; } = [];

    public string? FinishReason { get; init; }

    public RuntimeError? Error { get; init; }

    /// <summary>
    /// Whether it says only that tokens are computed, while a call is held until it is whole: of the first at once, of
    /// the rest now and then.
    /// </summary>
    public bool IsOnlyLife { get; init; }

    /// <summary>Whether it adds text, and nothing besides.</summary>
    public bool IsOnlyText =>
        Text.Length > 0 && FinishReason is null && Error is null && Tokens.Count == 0 && Calls.Count == 0;
}

/// <summary>A generated token with its log probability, when asked for.</summary>
internal sealed record TokenReport(int Token, TokenLogProbabilities LogProbabilities);

/// <summary>
/// Reads one generation's events as text, on the engine's thread where nobody is slow. Used by one reader.
/// </summary>
internal sealed class Choice(NodeService node, CompletionRequest request, int index, Generation generation)
{
    /// <summary>The longest that a reader hears nothing while tokens come.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);

    private readonly TextAssembler _text = new(request.Stops);
    private readonly IToolCallReader? _calls = request.Tools.Count == 0 ? null
        : ToolCallSyntaxes.ReaderOf(
            node.Prompts.Calls, only: null, request.Sampling.Grammar?.Calls is { } calls ? calls.IsBegunBy : null);
    private bool _foundCalls;

    public int Index { get; } = index;

    public Generation Generation { get; } = generation;

    /// <summary>Tokens that the engine wrote, the end-of-turn token included, as vLLM counts.</summary>
    public int OutputTokens { get; private set; }

    /// <summary>When the first token came; null before.</summary>
    public long? FirstTokenAt { get; private set; }

    /// <summary>
    /// The answer in pieces; the last has a finish reason or an error. Cancels the generation when left early.
    /// </summary>
    public async IAsyncEnumerable<ChoiceDelta> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (last, heard) = (0L, 0L);
        var isCounted = false;
        void Count(string? reason)
        {
            isCounted = true;
            node.Metrics.CountEnd(reason);
        }

        try
        {
            await foreach (var e in Generation.Events.ReadAllAsync(cancellationToken))
            {
                if (e.End is { } end)
                {
                    Count(end.FinishReason);
                    if (end.FinishReason == "stop") OutputTokens++;
                    yield return Delta(_text.Complete(), [], end.FinishReason ?? "error") with
                    {
                        FinishReason = Reason(end.FinishReason), Error = end.Error, Token = Reported(end.Token),
                    };
                    yield break;
                }

                OutputTokens++;
                var now = node.Time.GetTimestamp();
                var first = FirstTokenAt is null;
                if (first) FirstTokenAt = now;
                else node.Metrics.InterTokenLatency.Observe(node.Time.GetElapsedTime(last, now).TotalSeconds);
                last = now;
                var text = _text.Append(_calls is null ? node.Model.Piece(e.Token) : node.Model.CallPiece(e.Token));
                IReadOnlyList<TokenReport> tokens = e.LogProbabilities is { } p ? [new(e.Token, p)] : [];
                var isStopToken = request.StopTokens.Contains(e.Token);
                // What follows an answer is not for the engine's thread, on which tokens are read.
                if (_text.Stopped || isStopToken)
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                if (_text.Stopped)
                {
                    Generation.Stop();
                    Count("stop");
                    yield return Delta(text, tokens, "stop") with
                    {
                        FinishReason = Reason("stop"), Token = Reported(e.Token), MatchedStop = _text.MatchedStop,
                    };
                    yield break;
                }

                if (isStopToken)
                {
                    Generation.Stop();
                    Count("stop");
                    yield return Delta(text + _text.Complete(), tokens, "stop") with
                    {
                        FinishReason = Reason("stop"), Token = Reported(e.Token), MatchedToken = e.Token,
                    };
                    yield break;
                }

                var delta = Delta(text, tokens, null);
                if (request.ReportTokens)
                {
                    yield return delta with { Token = e.Token };
                    continue;
                }

                var saysSomething = delta.Text.Length > 0 || tokens.Count > 0 || delta.Calls.Count > 0;
                if (!saysSomething && !first && node.Time.GetElapsedTime(heard, now) < Silence) continue;
                heard = now;
                yield return saysSomething ? delta : delta with { IsOnlyLife = true };
            }
        }
        finally
        {
            // Whoever leaves does not wait to hear that it is cancelled.
            if (!isCounted) Count("cancelled");
            Generation.Cancel();
        }
    }

    private int? Reported(int? token) => request.ReportTokens ? token : null;

    private string? Reason(string? reason) => reason == "stop" && _foundCalls ? "tool_calls" : reason;

    private ChoiceDelta Delta(string text, IReadOnlyList<TokenReport> tokens, string? end)
    {
        if (_calls is null) return new(Index, text) { Tokens = tokens };
        var (plain, calls) = _calls.Append(text, last: end is not null);
        _foundCalls |= calls.Count > 0;
        return new(Index, plain)
        {
            Tokens = tokens, Calls = [.. calls.Select(c => new RequestToolCall(c.Name, c.Arguments))],
        };
    }
}
