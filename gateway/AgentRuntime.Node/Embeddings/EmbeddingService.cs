using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Embeddings;

/// <summary>
/// Embeds texts one after the other, beside the engine. Requests take turns text by text, so that a long list holds
/// nobody up for long. Thread-safe.
/// </summary>
internal sealed class EmbeddingService : IDisposable
{
    /// <summary>Texts of one request (OpenAI's limit).</summary>
    public const int MostTexts = 2048;

    /// <summary>Tokens of all texts of one request (OpenAI's limit).</summary>
    public const int MostTokensTogether = 300_000;

    private readonly IServedModel _model;
    private readonly ITextEmbedder? _embedder;
    private readonly int _mostRequests;
    private readonly SemaphoreSlim _turn = new(1);
    private int _requests;
    private bool _closed;

    /// <exception cref="RuntimeErrorException">AR4010: the model makes no context for embeddings.</exception>
    public EmbeddingService(IServedModel model, NodeOptions options)
    {
        _model = model;
        _mostRequests = options.QueuedRequests;
        _embedder = model.CreateEmbedder(options);
    }

    /// <summary>Refuses when the model has no embeddings.</summary>
    /// <exception cref="RuntimeErrorException">AR1010.</exception>
    public void Require() => _ = Embedder;

    /// <summary>Refuses texts that are too long by far before they are read.</summary>
    /// <exception cref="RuntimeErrorException">AR4006.</exception>
    public void CheckLengths(IReadOnlyList<RequestPrompt> input)
    {
        var most = Embedder.MostTokens;
        foreach (var text in input)
            if (text.Text is { } given && _model.LeastTokens(given) is var least && least > most)
                throw Refused(ReasonCodes.PromptTooLong,
                    $"a text has at most {most} tokens; one of the input has at least {least}");
    }

    /// <summary>The texts' vectors, each of unit length, in their order.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR1010 the model has no embeddings; AR1004 a text is empty or not of the vocabulary; AR4006 one is longer than
    /// the context; AR4009 too many requests wait; AR4003 the computation failed or the node is stopping.
    /// </exception>
    public async Task<float[][]> EmbedAsync(IReadOnlyList<int[]> texts, CancellationToken cancellationToken)
    {
        var embedder = Embedder;
        Check(texts, embedder.MostTokens);
        if (Interlocked.Increment(ref _requests) > _mostRequests)
        {
            Interlocked.Decrement(ref _requests);
            throw new RuntimeErrorException(new(
                ReasonCodes.Saturated, $"{_mostRequests} requests wait already", "queue", "Try again later.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            });
        }

        try
        {
            var vectors = new float[texts.Count][];
            for (var i = 0; i < vectors.Length; i++)
                vectors[i] = await InTurnAsync(embedder, texts[i], cancellationToken);
            return vectors;
        }
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }

    /// <summary>Waits for the text that is being computed; whoever waits for a turn is refused.</summary>
    public void Dispose()
    {
        _turn.Wait();
        _closed = true;
        _embedder?.Dispose();
        _turn.Release();
    }

    private ITextEmbedder Embedder => _embedder ?? throw new RuntimeErrorException(new(
        ReasonCodes.UnsupportedParameter, "this node serves no embeddings of its model", "model",
        "Start it with --embeddings, or with a model whose file names a pooling type."));

    private async Task<float[]> InTurnAsync(
        ITextEmbedder embedder, int[] tokens, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_closed)
                throw new RuntimeErrorException(new(ReasonCodes.EngineFailed, "the node is stopping", "engine"));
            return await Task.Run(() => embedder.Embed(tokens), cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Check(IReadOnlyList<int[]> texts, int mostTokens)
    {
        long together = 0;
        foreach (var text in texts)
        {
            if (text.Length == 0) throw Refused(ReasonCodes.MalformedRequest, "input holds an empty text");
            if (text.Length > mostTokens)
                throw Refused(ReasonCodes.PromptTooLong,
                    $"a text has at most {mostTokens} tokens; one of the input has {text.Length}");
            foreach (var token in text)
                if (token < 0 || token >= _model.VocabularySize)
                    throw Refused(ReasonCodes.MalformedRequest, "input holds a token that the vocabulary lacks");
            together += text.Length;
        }

        if (together > MostTokensTogether)
            throw Refused(ReasonCodes.PromptTooLong,
                $"the texts have at most {MostTokensTogether} tokens together; these have {together}");
    }

    private static RuntimeErrorException Refused(ReasonCode code, string message) => new(new(code, message, "input"));
}
