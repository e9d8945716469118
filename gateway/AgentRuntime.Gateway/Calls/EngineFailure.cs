using System.Net;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>What a failed leg says of its engine, and so what the router does next.</summary>
internal enum FailureKind : byte
{
    /// <summary>The engine is broken or gone: counts against it, and another one may do better.</summary>
    Broken = 1,

    /// <summary>The engine is full, or not one for this: another one may do better.</summary>
    Busy = 2,

    /// <summary>The request itself is wrong: every engine would refuse it.</summary>
    Refused = 3,

    /// <summary>The KV state did not arrive: the same engine may do better by reading the prompt itself.</summary>
    KvTransfer = 4,
}

/// <summary>One leg failed. Never leaves the router: the last one of a request becomes its error.</summary>
internal sealed class EngineFailure(FailureKind kind, RuntimeError error, Exception? inner = null)
    : Exception(error.ToString(), inner)
{
    private const int MaxMessageChars = 500;

    public FailureKind Kind => kind;

    public RuntimeError Error => error;

    /// <summary>The status that the engine answered; null when it did not answer.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>Whether the connection itself failed: the engine is down until a probe says otherwise.</summary>
    public bool Unreachable { get; init; }

    /// <summary>Whether the connection was lost: nothing works on the request any more.</summary>
    public bool Lost { get; init; }

    /// <summary>Whether the engine itself said in its stream that it failed, and why.</summary>
    public bool Told { get; init; }

    /// <summary>Whether a pair's prefill engine failed, and so ended the decode leg that waited for it.</summary>
    public bool OfPrefill { get; init; }

    /// <summary>
    /// Whether the same engine may do at once what it has not done: as a rule it has closed a connection that was idle
    /// just when it was used again, and HTTP/1.1 cannot tell that from the end of its process (RFC 9112, 9.3.1).
    /// </summary>
    public bool IsWorthAskingAgain => Lost && !Unreachable && !OfPrefill;

    /// <summary>Tells the engine's circuit breaker what this failure of a tenant's request says of it.</summary>
    public void CountAgainst(Engine engine, TenantId tenant)
    {
        if (Kind != FailureKind.Broken)
        {
            engine.Circuit.Abandoned();
            return;
        }

        engine.Circuit.Failed(tenant);
        if (Unreachable)
            engine.MarkUnreachable();
    }

    public static EngineFailure FromAnswer(Engine engine, HttpStatusCode status, ReadOnlySpan<byte> body)
    {
        var said = Read(body);
        var message = said?.Message is { Length: > 0 } m ? Cut(m) : $"the engine answered {(int)status}";
        var kind = (int)status switch
        {
            429 => FailureKind.Busy,
            400 or 413 or 422 => FailureKind.Refused,
            _ => FailureKind.Broken,
        };
        var code = kind switch
        {
            FailureKind.Busy => ReasonCodes.Saturated,
            FailureKind.Refused when IsTooLong(message) => ReasonCodes.PromptTooLong,
            FailureKind.Refused => ReasonCodes.EngineRefused,
            _ => ReasonCodes.EngineFailed,
        };
        return Coded(engine, said?.Code, kind, code, message, status);
    }

    /// <summary>An error object inside a stream.</summary>
    public static EngineFailure FromStream(Engine engine, EngineError said) =>
        Coded(engine, said.Code, FailureKind.Broken, ReasonCodes.EngineFailed, Cut(said.Message), null, told: true);

    public static EngineFailure From(Engine engine, HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError => NotReached(engine, e),
        _ => new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineFailed, "the engine broke the connection", engine), e)
        {
            Lost = true,
        },
    };

    /// <summary>
    /// The connection was not made in time: neither the caller nor a leg's own deadline has ended the request.
    /// </summary>
    public static EngineFailure NotConnected(Engine engine, OperationCanceledException e) => NotReached(engine, e);

    /// <summary>Another request is the one that tries the engine now; this says nothing of the engine.</summary>
    public static EngineFailure LeftAlone(Engine engine) =>
        new(FailureKind.Busy, ErrorOf(ReasonCodes.NoEngine, "the engine is being left alone after failures", engine));

    /// <summary>It tells no tokens, and half an answer to a chat is gone on with from those.</summary>
    public static EngineFailure CannotContinue(Engine engine, EngineFailure? said = null) =>
        new(FailureKind.Busy, ErrorOf(ReasonCodes.EngineFailed, "the engine cannot go on with a chat", engine), said);

    public static EngineFailure Malformed(Engine engine, Exception e) =>
        new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineFailed, "the engine's answer cannot be read", engine), e);

    /// <summary>It goes on beyond what was asked for, or sends without end before its first token.</summary>
    public static EngineFailure TooLong(Engine engine) =>
        new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineFailed, "the engine's answer has no end", engine));

    public static EngineFailure TimedOut(Engine engine, string what) =>
        new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineTimeout, $"no {what} in time", engine));

    public static EngineFailure CutShort(Engine engine, Exception? e = null) =>
        new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineFailed, "the engine's stream ended early", engine), e)
        {
            Lost = e is not null,
        };

    private static EngineFailure NotReached(Engine engine, Exception e) =>
        new(FailureKind.Broken, ErrorOf(ReasonCodes.EngineUnreachable, "the engine cannot be reached", engine), e)
        {
            Unreachable = true,
            Lost = true,
        };

    /// <summary>
    /// A code of our own node is kept when it is one of inference; other engines' codes mean nothing here.
    /// </summary>
    private static EngineFailure Coded(
        Engine engine,
        string? said,
        FailureKind kind,
        ReasonCode code,
        string message,
        HttpStatusCode? status,
        bool told = false)
    {
        if (engine.Descriptor.Kind == EngineKind.Node && said is { Length: 6 }
            && said.StartsWith("AR4", StringComparison.Ordinal) && int.TryParse(said.AsSpan(2), out var number))
        {
            code = new ReasonCode(number);
            if (code == ReasonCodes.KvTransferFailed || code == ReasonCodes.KvMismatch)
                kind = FailureKind.KvTransfer;
            else if (code == ReasonCodes.PromptTooLong || code == ReasonCodes.EngineRefused)
                kind = FailureKind.Refused;
            else if (code == ReasonCodes.Saturated)
                kind = FailureKind.Busy;
        }

        // What the messages of gRPC cannot carry is refused on this side of the wire.
        if (engine.Descriptor.IsGrpc && status == HttpStatusCode.BadRequest
            && said == ReasonCodes.UnsupportedParameter.ToString())
            code = ReasonCodes.UnsupportedParameter;
        return new(kind, ErrorOf(code, message, engine)) { Status = status, Told = told };
    }

    private static EngineError? Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 16 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return null;

            string? message = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("error"u8))
                    return ChunkReader.Error(ref reader);

                var isMessage = reader.ValueTextEquals("message"u8);
                reader.Read();
                if (isMessage && reader.TokenType == JsonTokenType.String)
                    message = reader.GetString();
                else
                    reader.Skip();
            }

            return message is null ? null : new EngineError(message, null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool IsTooLong(string message) =>
        message.Contains("maximum context length", StringComparison.OrdinalIgnoreCase)
        || message.Contains("context size", StringComparison.OrdinalIgnoreCase)
        || message.Contains("max_model_len", StringComparison.OrdinalIgnoreCase);

    private static string Cut(string text) => text.Length <= MaxMessageChars ? text : text[..MaxMessageChars];

    private static RuntimeError ErrorOf(ReasonCode code, string message, Engine engine) =>
        new(code, message, engine.Name);
}
