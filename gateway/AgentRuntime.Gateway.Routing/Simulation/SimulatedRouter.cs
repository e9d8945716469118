namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>What a simulation asks of whatever routes in it. Single-threaded.</summary>
internal abstract class SimulatedRouter
{
    public abstract void Arrive(SimulatedRequest request, double now);

    /// <summary>The next request that shall go to its engines now; false when there is none.</summary>
    public abstract bool TryTake(double now, out SimulatedRequest? request, out int prefill, out int decode);

    public virtual void PrefillEnded(SimulatedRequest request, double now)
    {
    }

    public virtual void FirstToken(SimulatedRequest request, double now)
    {
    }

    public virtual void Completed(SimulatedRequest request, double now)
    {
    }

    public abstract void Stored(int engine, BlockKey key);

    public abstract void Evicted(int engine, BlockKey key);

    public virtual void Advance(double now)
    {
    }
}
