using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>What one run has used or holds of its budget. Not thread-safe: its tenant's account guards it.</summary>
internal sealed class RunAccount(RunBudget budget)
{
    private long _tokens;
    private long _cost;

    public void Add(long tokens, long cost)
    {
        _tokens += tokens;
        _cost += cost;
    }

    public RuntimeError? Refusal(long tokens, long cost)
    {
        if (tokens > budget.MaxTokens.Value - _tokens)
            return new RuntimeError(
                ReasonCodes.RunBudget,
                $"The request needs up to {tokens} tokens; the run has "
                    + $"{Math.Max(0, budget.MaxTokens.Value - _tokens)} of its {budget.MaxTokens} left.",
                "tokens",
                "Send a shorter prompt, ask for fewer output tokens, or raise the agent's budget.");
        if (cost > budget.MaxCost.Value - _cost)
            return new RuntimeError(
                ReasonCodes.RunBudget,
                $"The request may cost {new MicroUsd(cost)}; the run has "
                    + $"{new MicroUsd(Math.Max(0, budget.MaxCost.Value - _cost))} of its {budget.MaxCost} left.",
                "cost",
                "Ask for less, or raise the agent's budget.");
        return null;
    }
}
