using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// The sum of what calls amount to, over the run or over a window that ends now. Calls in flight count, and so do those
/// that failed: nobody knows whether they took effect. Only what was never sent is taken back. Amortised constant work
/// a call; not thread-safe.
/// </summary>
internal sealed class SlidingTotal(TimeSpan? window)
{
    private readonly LinkedList<(DateTimeOffset At, long Amount)> _recent = [];
    private Int128 _total;

    /// <summary>
    /// The sum as of a moment. An entry leaves once everything before it has left: late arrivals count longer, never
    /// shorter.
    /// </summary>
    public Int128 At(DateTimeOffset now)
    {
        if (window is { } span)
        {
            while (_recent.First is { } oldest && oldest.Value.At <= now - span)
            {
                _total -= oldest.Value.Amount;
                _recent.RemoveFirst();
            }
        }

        return _total;
    }

    public object Add(DateTimeOffset at, long amount)
    {
        _total += amount;
        return window is null ? amount : _recent.AddLast((at, amount));
    }

    public void End(object added, CallOutcome outcome)
    {
        if (outcome != CallOutcome.NotSent)
            return;
        if (added is LinkedListNode<(DateTimeOffset, long Amount)> node)
        {
            if (node.List is null)
                return;
            _total -= node.Value.Amount;
            _recent.Remove(node);
        }
        else
        {
            _total -= (long)added;
        }
    }
}
