using AgentRuntime.Abstractions;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Execution;

/// <summary>Log messages of the execution area: event ids 7000..7099.</summary>
internal static partial class RunLog
{
    [LoggerMessage(7000, LogLevel.Error, "Executing {Run} failed in the platform")]
    public static partial void ExecutionFailed(ILogger log, Exception exception, RunId run);

    [LoggerMessage(7001, LogLevel.Error, "The end of {Run} could not be written to the journal")]
    public static partial void EndingFailed(ILogger log, Exception exception, RunId run);

    [LoggerMessage(7002, LogLevel.Error, "{Run}, which was left unfinished, could not be taken over yet")]
    public static partial void TakingOverFailed(ILogger log, Exception exception, RunId run);

    [LoggerMessage(7003, LogLevel.Error, "The store failed while {Run} was under way; it goes on from the journal")]
    public static partial void StoreFailed(ILogger log, Exception exception, RunId run);
}
