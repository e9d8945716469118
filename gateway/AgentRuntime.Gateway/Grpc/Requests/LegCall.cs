using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>A leg's body as calls to an engine: one for each prompt. Immutable.</summary>
/// <param name="Requests">What is sent, in the order of the prompts.</param>
/// <param name="IsChat">Whether the answer is a chat's.</param>
internal sealed record LegCall(IReadOnlyList<GenerateRequest> Requests, bool IsChat)
{
    /// <summary>How tool calls are found in the answer; null when none are looked for.</summary>
    public ToolCallSyntax? Tools { get; init; }

    /// <summary>The only tool that is called, whose arguments the engine was bound to.</summary>
    public string? OnlyTool { get; init; }

    /// <summary>Where SGLang's two legs meet; null when there is one.</summary>
    public Bootstrap? Bootstrap { get; init; }

    public bool Stream => Requests[0].Stream;

    /// <summary>The most likely tokens to tell at each place; null when no probabilities are asked for.</summary>
    public int? LogProbabilities =>
        Requests[0].SamplingParams.HasLogprobs ? Requests[0].SamplingParams.Logprobs : null;

    public int Choices => (int)Requests[0].SamplingParams.N;
}
