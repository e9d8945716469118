using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>The operations on KV cells that the prefix cache needs; positions are half-open ranges.</summary>
internal interface IKvCells
{
    /// <summary>Makes the cells of <paramref name="source"/> at these positions belong to the target too.</summary>
    void Share(int source, int target, int from, int to);

    /// <summary>Takes the cells at and after a position from a sequence; a cell without sequences is free.</summary>
    void Truncate(int sequence, int from);

    /// <summary>Takes the cells at these positions from a sequence.</summary>
    void Remove(int sequence, int from, int to);

    /// <summary>
    /// Whether nothing but finite numbers is found in the keys and values of these positions; true also where they
    /// cannot be looked through.
    /// </summary>
    bool HoldNumbers(int sequence, int from, int to) => true;

    /// <summary>Copies the state of these positions into a buffer of the length that is asked for.</summary>
    KvBuffer Export(int sequence, int from, int to, Func<int, KvBuffer> allocate);
}
