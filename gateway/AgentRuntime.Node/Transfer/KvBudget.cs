namespace AgentRuntime.Node.Transfer;

/// <summary>Bytes of memory that states may take together. Thread-safe.</summary>
/// <param name="most">The limit.</param>
internal sealed class KvBudget(long most) : IKvBudget
{
    private long _taken;

    public long Taken => Interlocked.Read(ref _taken);

    /// <inheritdoc/>
    public bool TryTake(long bytes)
    {
        var taken = Taken;
        while (bytes <= most - taken)
        {
            var seen = Interlocked.CompareExchange(ref _taken, taken + bytes, taken);
            if (seen == taken) return true;
            taken = seen;
        }

        return false;
    }

    /// <inheritdoc/>
    public void Give(long bytes) => Interlocked.Add(ref _taken, -bytes);
}
