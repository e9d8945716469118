namespace AgentRuntime.Abstractions;

/// <summary>
/// An expected refusal or failure as a value: a stable code, what was wrong, where, and what to do. Never holds a
/// secret or another tenant's data: it travels to guests, clients, events and logs unchanged. Immutable.
/// </summary>
/// <param name="Code">The stable code, with a page in <c>runtime/docs/errors/</c>.</param>
/// <param name="Message">What was wrong, in one sentence.</param>
/// <param name="Where">
/// The place: a field, a file and line, an engine, a tool; null when the request as a whole.
/// </param>
/// <param name="Action">What the reader can do about it; null when nothing but to read the page.</param>
public sealed record RuntimeError(ReasonCode Code, string Message, string? Where = null, string? Action = null)
{
    /// <summary>How long to wait before trying again; null when waiting does not help.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The code, the message, the place and the action in one line, as the command line prints it.</summary>
    public override string ToString() =>
        $"{Code}: {Message}{(Where is null ? "" : $" [{Where}]")}{(Action is null ? "" : $"{Between} {Action}")}";

    // A message that runs straight into the action ends its sentence first; the brackets of a place part them as well.
    private string Between => Where is null && !Message.EndsWith('.') && !Message.EndsWith('?') ? "." : "";
}
