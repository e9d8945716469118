namespace AgentRuntime.Host.Composition;

/// <summary>Lines for whoever looks at standard error. Thread-safe.</summary>
internal static class StandardError
{
    /// <summary>
    /// Writes a line. Where it is closed, or a file on a disk that is full, nobody is told, and nothing ends of that.
    /// </summary>
    public static void Write(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // There is no other place to say it.
        }
    }
}
