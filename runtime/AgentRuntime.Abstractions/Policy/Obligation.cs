namespace AgentRuntime.Abstractions;

/// <summary>
/// What an allowed call is allowed on condition of: exactly one of the nested forms. The decision point has already
/// worked it into <see cref="Decision.Arguments"/> and into the run's labels; it is listed so that a reader sees why.
/// Immutable.
/// </summary>
public abstract record Obligation
{
    private Obligation()
    {
    }

    /// <summary>The argument's text is not sent.</summary>
    /// <param name="Argument">Its name.</param>
    public sealed record Redact(string Argument) : Obligation;

    /// <summary>The argument is sent as this, for it was more.</summary>
    /// <param name="Argument">Its name.</param>
    /// <param name="Most">The most that is sent.</param>
    public sealed record Cap(string Argument, long Most) : Obligation;

    /// <summary>The run carries a label from now on.</summary>
    /// <param name="Label"><c>untrusted</c>, or a confidentiality: <c>tenant</c>, <c>user</c>.</param>
    public sealed record AddLabel(string Label) : Obligation;
}
