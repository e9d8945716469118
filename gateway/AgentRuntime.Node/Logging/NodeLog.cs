using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Logging;

/// <summary>The node's log messages, event ids 4700 to 4799. Never a prompt, an answer or an id of KV state.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(4700, LogLevel.Error, "{Endpoint} failed")]
    public static partial void RequestFailed(ILogger logger, string endpoint, Exception exception);

    [LoggerMessage(4701, LogLevel.Critical, "The engine failed, and serves no more until the node is started again")]
    public static partial void EngineFailed(ILogger logger, Exception exception);

    [LoggerMessage(4702, LogLevel.Error, "Fetching KV state that another node announced failed")]
    public static partial void FetchFailed(ILogger logger, Exception exception);

    [LoggerMessage(4704, LogLevel.Warning, "The edge at {Edge} refused the registration with status {Status}")]
    public static partial void RegistrationRefused(ILogger logger, string edge, int status);

    [LoggerMessage(4705, LogLevel.Warning, "The model file's chat template is not used: {Why}")]
    public static partial void ChatTemplateNotUsed(ILogger logger, string why);

    [LoggerMessage(4703, LogLevel.Warning, "{Count} entries were left out: they came faster than one a second")]
    public static partial void LeftOut(ILogger logger, long count);
}
