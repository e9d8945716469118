namespace AgentRuntime.Prompts.Jinja;

/// <summary>A template that cannot be read or rendered; the message says why.</summary>
internal sealed class JinjaException : Exception
{
    public JinjaException(string message)
        : base(message)
    {
    }

    /// <summary>Whether the template itself refused the conversation (<c>raise_exception</c>).</summary>
    public bool RaisedByTemplate { get; init; }
}
