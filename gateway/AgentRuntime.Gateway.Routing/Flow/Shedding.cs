namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Early refusal of what may be refused: never while the class's time to first token can be met, surely when the wait
/// would be twice that, and in between the likelier the longer the wait, so that a pool sheds smoothly and not all at
/// once. Pure.
/// </summary>
internal static class Shedding
{
    /// <summary>The probability, 0 to 1.</summary>
    /// <param name="service">The request's class.</param>
    /// <param name="expectedWaitSeconds">Work before it; infinite when every engine's signal is stale.</param>
    public static double Probability(SloClass service, double expectedWaitSeconds) =>
        service.Sheddable ? Math.Clamp((expectedWaitSeconds / service.TtftSeconds) - 1, 0, 1) : 0;
}
