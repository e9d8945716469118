namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Where an answer has come to. Immutable: whoever keeps one may go on from it at any time, whatever went on since.
/// </summary>
/// <param name="At">In its grammar.</param>
/// <param name="Json">In its JSON, where the grammar wants items or names that differ; else nothing.</param>
internal readonly record struct AnswerPlace(GrammarCursor At, JsonProgress Json = default)
{
    public bool IsLost => At.IsLost;

    public bool IsTooWide => At.IsTooWide;

    public bool IsAlive => At.IsAlive;
}
