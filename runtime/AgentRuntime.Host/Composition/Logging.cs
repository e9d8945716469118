namespace AgentRuntime.Host.Composition;

/// <summary>
/// One line an entry on standard error: standard output is for the line that says that a process is ready.
/// </summary>
internal static partial class Logging
{
    /// <summary>For what lives before and beside the web application.</summary>
    public static ILoggerFactory Factory { get; } = LoggerFactory.Create(Configure);

    public static void Configure(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        // That the server cannot listen is told by its code; the host's own words for it are a page of stack trace.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        logging.AddFilter("ModelContextProtocol", LogLevel.Warning);
        logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.UseUtcTimestamp = true;
            format.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
    }

    [LoggerMessage(8103, LogLevel.Error, "A tenant's bundle is not in force, so it may do nothing: {Problem}")]
    public static partial void LogBundleLeftOut(ILogger logger, string problem);

    [LoggerMessage(8104, LogLevel.Error, "Audit records cannot be written and wait: {Problem}")]
    public static partial void LogAuditNotWritten(ILogger logger, string problem);

    [LoggerMessage(8105, LogLevel.Error, "Ended runs that are to go are kept for now: {Problem}")]
    public static partial void LogRunsKept(ILogger logger, string problem);
}
