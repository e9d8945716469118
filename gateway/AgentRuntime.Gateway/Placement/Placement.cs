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
/// A caller that waits for its engines, first or again. Owned by its call; completed under the desk's lock.
/// </summary>
internal sealed class Waiter
{
    private TaskCompletionSource<Placement> _answer = New();

    public RouteTicket Ticket { get; set; }

    public Task<Placement> Answer => _answer.Task;

    public void Reset() => _answer = New();

    public void Place(Placement placement) => _answer.TrySetResult(placement);

    public void Refuse(in Assignment refusal) => _answer.TrySetException(new RuntimeErrorException(new RuntimeError(
        refusal.Reason,
        refusal.Reason == ReasonCodes.Saturated
            ? "every engine of the model is full"
            : "no engine of the model is healthy now",
        "model",
        "Try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(Math.Clamp(refusal.RetryAfterSeconds, 1, 60)),
    }));

    private static TaskCompletionSource<Placement> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
