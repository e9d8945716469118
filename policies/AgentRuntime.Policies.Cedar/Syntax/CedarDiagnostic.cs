namespace AgentRuntime.Policies.Cedar;

/// <summary>How bad a diagnostic is.</summary>
public enum CedarSeverity
{
    /// <summary>Not a severity.</summary>
    None = 0,
    /// <summary>Worth a look; the text is accepted.</summary>
    Warning = 1,
    /// <summary>The text is refused.</summary>
    Error = 2,
}

/// <summary>Something wrong in a policy, a schema or a JSON document, and where.</summary>
/// <param name="Severity">Error or warning.</param>
/// <param name="Code">A stable word for programs, for example <c>syntax</c> or <c>unknownEntityType</c>.</param>
/// <param name="Message">A sentence for people, without the position.</param>
/// <param name="Position">Where; <see cref="SourcePosition.None"/> in JSON.</param>
/// <param name="PolicyId">The policy that it is about, where known.</param>
/// <param name="Suggestion">What was probably meant, where known.</param>
public sealed record CedarDiagnostic(
    CedarSeverity Severity,
    string Code,
    string Message,
    SourcePosition Position,
    string? PolicyId = null,
    string? Suggestion = null)
{
    /// <summary><c>file:line:column: message (suggestion)</c>.</summary>
    public override string ToString()
    {
        var where = Position.IsNone ? "" : $"{Position}: ";
        var policy = PolicyId is null ? "" : $"policy `{PolicyId}`: ";
        return $"{where}{policy}{Message}{(Suggestion is null ? "" : $" ({Suggestion})")}";
    }
}

/// <summary>A place in a text; lines and columns start at 1, columns count UTF-16 code units.</summary>
/// <param name="File">The name given when parsing, for example <c>payments.cedar</c>.</param>
/// <param name="Line">The line, or 0 when unknown.</param>
/// <param name="Column">The column, or 0 when unknown.</param>
/// <param name="Offset">The offset in UTF-16 code units.</param>
/// <param name="Length">The length in UTF-16 code units.</param>
public readonly record struct SourcePosition(string? File, int Line, int Column, int Offset, int Length)
{
    /// <summary>No place.</summary>
    public static SourcePosition None => default;

    public bool IsNone => Line == 0;

    public override string ToString() => IsNone ? "" : File is null ? $"{Line}:{Column}" : $"{File}:{Line}:{Column}";
}

/// <summary>A text was refused; <see cref="Diagnostics"/> lists all that is wrong with it.</summary>
public sealed class CedarException(IReadOnlyList<CedarDiagnostic> diagnostics)
    : Exception(string.Join(Environment.NewLine, diagnostics))
{
    public IReadOnlyList<CedarDiagnostic> Diagnostics { get; } = diagnostics;
}
