namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>What a replay showed of one tenant. Immutable.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Requests">Requests that ended.</param>
/// <param name="Refused">Requests that were refused.</param>
/// <param name="TtftP50Seconds">Median time to first token.</param>
/// <param name="TtftP99Seconds">Its 99th percentile.</param>
/// <param name="ServedTokens">
/// Uncached prompt tokens and twice the output tokens of what ended while requests still came.
/// </param>
/// <param name="Tokens">All prompt and output tokens of the same.</param>
public sealed record TenantFigures(
    int Tenant,
    int Requests,
    int Refused,
    double TtftP50Seconds,
    double TtftP99Seconds,
    double ServedTokens,
    double Tokens)
{
    internal static TenantFigures From(int tenant, IEnumerable<SimulationRequestResult> results, double until)
    {
        List<double> ttft = [];
        double served = 0, tokens = 0;
        var refused = 0;
        foreach (var r in results)
        {
            if (double.IsNaN(r.EndedAt))
            {
                refused++;
                continue;
            }

            ttft.Add(r.FirstTokenAt - r.ArrivesAt);
            if (r.EndedAt > until)
                continue;
            served += r.PromptTokens - r.CachedTokens + (2.0 * r.OutputTokens);
            tokens += r.PromptTokens + r.OutputTokens;
        }

        ttft.Sort();
        double[] sorted = [.. ttft];
        return new(
            tenant, sorted.Length, refused, SimulationFigures.Percentile(sorted, 0.5),
            SimulationFigures.Percentile(sorted, 0.99), served, tokens);
    }
}

internal readonly record struct SimulationRequestResult(
    double ArrivesAt, double FirstTokenAt, double EndedAt, int PromptTokens, int CachedTokens, int OutputTokens);
