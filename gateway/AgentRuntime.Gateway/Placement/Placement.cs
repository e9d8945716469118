using System.Diagnostics.CodeAnalysis;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>The engines that a request was given. Immutable.</summary>
/// <param name="Waiter">Who waits for it.</param>
/// <param name="Assignment">What the core decided, and why.</param>
/// <param name="Decode">Writes the answer.</param>
/// <param name="Prefill">Reads the prompt; null when <paramref name="Decode"/> does.</param>
internal sealed record Placement(Waiter Waiter, Assignment Assignment, Engine Decode, Engine? Prefill);

/// <summary>
/// A caller that needs engines, first or again. Owned by its call; every member is for the desk, under its lock. Most
/// are answered before they wait, and then nothing is made for them to wait on.
/// </summary>
internal sealed class Waiter
{
    private TaskCompletionSource<Placement>? _answer;
    private Placement? _placement;
    private RuntimeErrorException? _refusal;

    public RouteTicket Ticket { get; set; }

    /// <summary>Whether it has been answered; then it is that, or the refusal is thrown.</summary>
    /// <exception cref="RuntimeErrorException">AR4001 or AR4009.</exception>
    public bool TryTake([NotNullWhen(true)] out Placement? placement)
    {
        placement = _placement;
        return _refusal is null ? placement is not null : throw _refusal;
    }

    /// <summary>The answer to come, completed elsewhere than under the lock.</summary>
    public Task<Placement> WaitAsync()
    {
        _answer = new TaskCompletionSource<Placement>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _answer.Task;
    }

    public void Reset() => (_answer, _placement, _refusal) = (null, null, null);

    public void Place(Placement placement)
    {
        _placement = placement;
        _answer?.TrySetResult(placement);
    }

    public void Refuse(in Assignment refusal)
    {
        _refusal = Refusal(refusal);
        _answer?.TrySetException(_refusal);
    }

    private static RuntimeErrorException Refusal(in Assignment refusal) => new(new RuntimeError(
        refusal.Reason,
        refusal.Reason == ReasonCodes.Saturated
            ? "every engine of the model is full"
            : "no engine of the model is healthy now",
        "model",
        "Try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(Math.Clamp(refusal.RetryAfterSeconds, 1, 60)),
    });
}
