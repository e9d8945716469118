using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Engine;

/// <summary>How the next token is chosen, by the OpenAI API's names and vLLM's extensions. Immutable.</summary>
internal sealed record SamplingOptions
{
    /// <summary>0 is greedy.</summary>
    public float Temperature { get; init; } = 1;

    public float TopP { get; init; } = 1;

    /// <summary>0 for all.</summary>
    public int TopK { get; init; }

    public float MinP { get; init; }

    public float FrequencyPenalty { get; init; }

    public float PresencePenalty { get; init; }

    public float RepetitionPenalty { get; init; } = 1;

    public uint Seed { get; init; }

    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = new Dictionary<int, float>();

    /// <summary>What the output must match; null for anything.</summary>
    public OutputGrammar? Grammar { get; init; }

    /// <summary>How many alternatives to report with their log probabilities; null for no log probabilities.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>Whether the most likely token is taken, with nothing in between.</summary>
    public bool IsPlainGreedy =>
        Temperature <= 0 && Grammar is null && LogitBias.Count == 0 && !HasPenalties;

    public bool HasPenalties => FrequencyPenalty != 0 || PresencePenalty != 0 || RepetitionPenalty != 1;
}
