namespace AgentRuntime.Gateway;

/// <summary>Chooses the engines of one attempt. Thread-safe.</summary>
internal interface IEngineSelection
{
    /// <summary>The engines to use; null when no candidate may be used.</summary>
    EnginePlan? Choose(in SelectionQuery query, IReadOnlyList<Engine> engines);
}

/// <summary>What is to be served. Immutable.</summary>
/// <param name="Model">The model by the name that clients use.</param>
/// <param name="PromptBytes">The prompt's size.</param>
/// <param name="MaySplit">Whether prefill and decode may be split for this request at all.</param>
/// <param name="Avoid">Engines that have failed this request; used only when there is no other.</param>
internal readonly record struct SelectionQuery(
    string Model, int PromptBytes, bool MaySplit, IReadOnlyCollection<Engine> Avoid);

/// <summary>The engines of one attempt. Immutable.</summary>
/// <param name="Decode">Writes the answer.</param>
/// <param name="Prefill">Reads the prompt; null when <paramref name="Decode"/> does.</param>
internal sealed record EnginePlan(Engine Decode, Engine? Prefill);
