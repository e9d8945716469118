namespace AgentRuntime.Gateway.Routing;

/// <summary>The best offers of one decision.</summary>
internal struct Candidates
{
    /// <summary>Added to an engine that has no room for the whole request: taken only when all are like that.</summary>
    public const double FullPenalty = 1e6;

    public Candidates()
    {
    }

    /// <summary>Engines that could serve.</summary>
    public int Count;

    public (int Engine, double Cost) Single = (-1, double.PositiveInfinity);

    public (int Prefill, int Decode, double Cost) Pair = (-1, -1, double.PositiveInfinity);
}
