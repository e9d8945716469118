namespace AgentRuntime.Node.Prompting;

/// <summary>Renders a conversation into the text that a model reads. Thread-safe.</summary>
internal interface IChatTemplate
{
    /// <summary>The text, ending where the assistant's turn begins.</summary>
    string Render(IReadOnlyList<(string Role, string Content)> messages);
}
