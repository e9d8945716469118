namespace AgentRuntime.Node.Transfer;

/// <summary>Something of which only so much may be taken at once. Thread-safe.</summary>
internal interface IKvBudget
{
    /// <summary>Takes so many; false, and nothing taken, when there are not so many left.</summary>
    bool TryTake(long count);

    /// <summary>Gives back so many that were taken.</summary>
    void Give(long count);
}
