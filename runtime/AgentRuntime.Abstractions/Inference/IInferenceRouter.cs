namespace AgentRuntime.Abstractions;

/// <summary>
/// Answers inference requests by engines of its choice. Decorators with the same interface add policy, quota and
/// accounting. Thread-safe.
/// </summary>
public interface IInferenceRouter
{
    /// <summary>The models that some engine serves now.</summary>
    IReadOnlyList<ServedModel> Models { get; }

    /// <summary>
    /// Runs one request and streams its answer. The first chunk names the engines; the last one carries the usage
    /// and the timings, also when the client did not ask for them. Ending the enumeration early or cancelling it
    /// cancels the request on every engine that works on it.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// Before the first chunk: AR1008, AR4001..AR4003, AR4005..AR4009, AR6xxx. Between chunks: AR4004, AR4005, and
    /// what an engine says of its own failure: AR4003, or a code of inference.
    /// </exception>
    IAsyncEnumerable<InferenceChunk> GenerateAsync(InferenceRequest request, CancellationToken cancellationToken);
}

/// <summary>A model that can be asked. Immutable.</summary>
/// <param name="Name">The name that clients use.</param>
/// <param name="ContextTokens">The most tokens of prompt and output together; 0 when the engine does not say.</param>
public sealed record ServedModel(string Name, int ContextTokens);

/// <summary>Which OpenAI endpoint the body is for.</summary>
public enum InferenceOperation : byte
{
    /// <summary><c>/v1/chat/completions</c>.</summary>
    Chat = 1,

    /// <summary><c>/v1/completions</c>.</summary>
    Completion = 2,

    /// <summary>
    /// <c>/v1/embeddings</c>: the answer is one chunk whose <see cref="InferenceChunk.Raw"/> is the whole list.
    /// </summary>
    Embedding = 3,
}

/// <summary>One inference request. Immutable.</summary>
/// <param name="Identity">Whose request this is: chooses ledger, fairness queue and KV salt.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Operation">The endpoint that <paramref name="Body"/> is for.</param>
/// <param name="Body">
/// UTF-8 JSON in OpenAI's request form, parsed and bounded by whoever made it. The router sets <c>model</c>,
/// <c>stream</c>, <c>stream_options</c> and <c>cache_salt</c> itself; what it does not know is passed on.
/// </param>
/// <param name="MaxOutputTokens">The most tokens to generate, at least 1: reserved before the request starts.</param>
public sealed record InferenceRequest(
    WorkIdentity Identity,
    string Model,
    InferenceOperation Operation,
    ReadOnlyMemory<byte> Body,
    int MaxOutputTokens)
{
    /// <summary>
    /// Within what time from now the same conversation is expected to ask again; null when unknown. Engines that can
    /// are told to keep its KV state so long: a wish, not a reservation.
    /// </summary>
    public TimeSpan? NextCallExpectedIn { get; init; }

    /// <summary>
    /// Told once by a metering decorator what the request was charged, also when its answer broke off or nobody waited
    /// for the end; before the enumeration ends. Never told of a request that costs nothing. Null for nobody.
    /// </summary>
    public Action<InferenceUsage, MicroUsd>? Settled { get; init; }

    /// <summary>
    /// The most tokens that engines make of images, sound and films in the prompt, which their bytes, or the address
    /// where they are, say nothing of. Default 0: there are none.
    /// </summary>
    public TokenCount MediaTokensAtMost { get; init; }

    /// <summary>
    /// An upper bound of the prompt's tokens, for reservations: no tokenizer makes more tokens than bytes.
    /// </summary>
    public TokenCount PromptTokensAtMost => new(Body.Length + MediaTokensAtMost.Value);
}

/// <summary>A piece of a streamed answer. Immutable.</summary>
public sealed record InferenceChunk
{
    /// <summary>
    /// The engine's chunk as UTF-8 JSON (<c>chat.completion.chunk</c>), for passing on; may be empty.
    /// </summary>
    public ReadOnlyMemory<byte> Raw { get; init; }

    /// <summary>Text of choice 0 that this chunk adds.</summary>
    public string Text { get; init; } = "";

    /// <summary>Pieces of tool calls of choice 0 that this chunk adds.</summary>
    public IReadOnlyList<ToolCallDelta> ToolCalls { get; init; } = [];

    /// <summary>Why choice 0 ended; null until it does.</summary>
    public string? FinishReason { get; init; }

    /// <summary>
    /// Whether <see cref="Text"/> and <see cref="FinishReason"/> are all that the chunk adds to the answer, so that
    /// <see cref="Raw"/> need not be read for more. Default false: not known.
    /// </summary>
    public bool OnlyText { get; init; }

    /// <summary>Who serves the request; on the first chunk.</summary>
    public ServedBy? ServedBy { get; init; }

    /// <summary>What was used; on the last chunk.</summary>
    public InferenceUsage? Usage { get; init; }

    /// <summary>What it cost; on the last chunk, once a metering decorator has settled it.</summary>
    public MicroUsd? Cost { get; init; }

    /// <summary>How long the parts took; on the last chunk.</summary>
    public InferenceTimings? Timings { get; init; }
}

/// <summary>A piece of a tool call in OpenAI's streaming form. Immutable.</summary>
/// <param name="Index">Which call it belongs to.</param>
/// <param name="Id">The call's id; on its first piece.</param>
/// <param name="Name">The tool's name; on its first piece.</param>
/// <param name="Arguments">Text that is appended to the arguments.</param>
public sealed record ToolCallDelta(int Index, string? Id, string? Name, string Arguments);

/// <summary>The engines that serve a request. Immutable.</summary>
/// <param name="PrefillEngine">The engine that read the prompt.</param>
/// <param name="DecodeEngine">The engine that writes the answer; the same one when colocated.</param>
public sealed record ServedBy(string PrefillEngine, string DecodeEngine)
{
    /// <summary>Whether KV state was moved between two engines.</summary>
    public bool Disaggregated => PrefillEngine != DecodeEngine;
}

/// <summary>How long the parts of a request took. Immutable.</summary>
/// <param name="TimeToFirstToken">From the request's arrival at the router to its first token.</param>
/// <param name="Total">From the request's arrival at the router to its end.</param>
/// <param name="Prefill">The prefill leg; null when colocated.</param>
/// <param name="KvTransfer">Moving the KV state; null when colocated or not reported.</param>
/// <param name="KvBytes">Bytes of KV state moved; null when colocated or not reported.</param>
public sealed record InferenceTimings(
    TimeSpan TimeToFirstToken,
    TimeSpan Total,
    TimeSpan? Prefill = null,
    TimeSpan? KvTransfer = null,
    ByteCount? KvBytes = null);
