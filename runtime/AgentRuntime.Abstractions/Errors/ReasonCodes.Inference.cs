namespace AgentRuntime.Abstractions;

/// <content>4xxx: inference.</content>
public static partial class ReasonCodes
{
    /// <summary>No healthy engine serves the model.</summary>
    public static readonly ReasonCode NoEngine = new(4001);

    /// <summary>The engine could not be reached.</summary>
    public static readonly ReasonCode EngineUnreachable = new(4002);

    /// <summary>The engine failed before its first token.</summary>
    public static readonly ReasonCode EngineFailed = new(4003);

    /// <summary>The engine went away in mid-stream.</summary>
    public static readonly ReasonCode EngineDiedMidStream = new(4004);

    /// <summary>The engine did not answer in time.</summary>
    public static readonly ReasonCode EngineTimeout = new(4005);

    /// <summary>The prompt does not fit the model's context.</summary>
    public static readonly ReasonCode PromptTooLong = new(4006);

    /// <summary>The KV state could not be moved from the prefill engine.</summary>
    public static readonly ReasonCode KvTransferFailed = new(4007);

    /// <summary>The engine refused the request as malformed.</summary>
    public static readonly ReasonCode EngineRefused = new(4008);

    /// <summary>Every engine is saturated and the queue is full.</summary>
    public static readonly ReasonCode Saturated = new(4009);

    /// <summary>The model file cannot be loaded.</summary>
    public static readonly ReasonCode InvalidModelFile = new(4010);

    /// <summary>The KV state belongs to another model or version.</summary>
    public static readonly ReasonCode KvMismatch = new(4011);

    /// <summary>The engine serves no model or adapter of that name.</summary>
    public static readonly ReasonCode UnknownAdapter = new(4012);
}
