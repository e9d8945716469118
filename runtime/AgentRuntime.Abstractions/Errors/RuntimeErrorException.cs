namespace AgentRuntime.Abstractions;

/// <summary>
/// Carries a <see cref="RuntimeError"/> where an outcome value cannot: out of an async stream or a constructor.
/// Caught at the edge, the worker and the command line, which show the error it carries.
/// </summary>
public sealed class RuntimeErrorException : Exception
{
    /// <summary>Wraps an error.</summary>
    public RuntimeErrorException(RuntimeError error, Exception? inner = null)
        : base(error.ToString(), inner) => Error = error;

    /// <summary>The error to show.</summary>
    public RuntimeError Error { get; }
}
