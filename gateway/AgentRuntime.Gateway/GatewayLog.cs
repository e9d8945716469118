using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>The gateway's log messages, event ids 4000 to 4099. Never a prompt, an answer or a credential.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(4001, LogLevel.Information, "Engine {Engine} healthy: {Healthy}, models: {Models}")]
    public static partial void EngineHealthChanged(ILogger logger, string engine, bool healthy, int models);

    [LoggerMessage(4002, LogLevel.Warning, "Engine {Engine} failed request {RequestId}: {Error}")]
    public static partial void LegFailed(ILogger logger, string engine, string requestId, string error);

    [LoggerMessage(4003, LogLevel.Warning, "Request {RequestId} goes on from {From} to {To} after {Tokens} tokens")]
    public static partial void StreamContinued(ILogger logger, string requestId, string from, string to, long tokens);

    [LoggerMessage(4004, LogLevel.Error, "Request {RequestId} failed inside the platform")]
    public static partial void InternalError(ILogger logger, string requestId, Exception exception);

    [LoggerMessage(4006, LogLevel.Warning, "The source of engines cannot be read; the engines stay as they are")]
    public static partial void EngineSourceSilent(ILogger logger);

    [LoggerMessage(4005, LogLevel.Warning, "Engine {Engine} was not taken in: {Problem}")]
    public static partial void EngineNotTaken(ILogger logger, string engine, string problem);

    [LoggerMessage(4009, LogLevel.Error, "The router's timer failed, and goes on")]
    public static partial void DeskFailed(ILogger logger, Exception exception);

    [LoggerMessage(4007, LogLevel.Error, "Looking for engines failed; it is tried again")]
    public static partial void LookFailed(ILogger logger, Exception exception);

    [LoggerMessage(4008, LogLevel.Error, "Probing engine {Engine} failed; it is tried again")]
    public static partial void ProbeFailed(ILogger logger, string engine, Exception exception);

    [LoggerMessage(4010, LogLevel.Information, "KV events of engine {Engine} are followed")]
    public static partial void KvEventsFollowed(ILogger logger, string engine);

    [LoggerMessage(4011, LogLevel.Warning, "KV events of engine {Engine} are lost: {Problem}")]
    public static partial void KvEventsLost(ILogger logger, string engine, string problem);

    [LoggerMessage(4012, LogLevel.Warning, "KV events of engine {Engine} cannot be replayed: {Problem}")]
    public static partial void KvReplayFailed(ILogger logger, string engine, string problem);

    [LoggerMessage(4013, LogLevel.Warning, "A batch of KV events of engine {Engine} cannot be read: {Problem}")]
    public static partial void KvBatchUnreadable(ILogger logger, string engine, string problem);

    [LoggerMessage(4014, LogLevel.Warning, "Engine {Engine} was restarted: its cache is forgotten")]
    public static partial void EngineRestarted(ILogger logger, string engine);

    [LoggerMessage(4015, LogLevel.Information, "Request {RequestId} is late on {First}: {Second} is asked as well")]
    public static partial void Hedged(ILogger logger, string requestId, string first, string second);

    [LoggerMessage(
        4016, LogLevel.Warning,
        "Engine {Engine} read the prompt of request {RequestId} but gave no KV state: has it a KV connector?")]
    public static partial void NoKvMoved(ILogger logger, string engine, string requestId);

    [LoggerMessage(
        4017, LogLevel.Debug, "Engine {Engine} was not told that KV state is not wanted; its lease ends it: {Problem}")]
    public static partial void KvNotReleased(ILogger logger, string engine, string problem);

    [LoggerMessage(4018, LogLevel.Error, "Telling engine {Engine} that KV state is not wanted failed")]
    public static partial void KvReleaseFailed(ILogger logger, string engine, Exception exception);
}
