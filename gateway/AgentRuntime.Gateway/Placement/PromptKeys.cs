namespace AgentRuntime.Gateway;

/// <summary>From what a model's prompts are cut into blocks.</summary>
public enum PromptKeys : byte
{
    /// <summary>
    /// Chunks of text: needs nothing, and knows of the engines' caches only what responses show (decision 0422).
    /// </summary>
    Text = 1,

    /// <summary>Token ids from an engine's <c>/tokenize</c>: a round trip, at most once for each prompt.</summary>
    Engine = 2,

    /// <summary>Token ids from a vocabulary in this process.</summary>
    Vocabulary = 3,
}
