namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Learns what moving KV state between the engines of a pool costs: seconds as a + b · tokens. Owned by its pool.
/// </summary>
internal sealed class TransferPredictor(RoutingOptions options)
{
    private const double TokenScale = 1000;
    private readonly OnlineRegression _line = new(
        0.99,
        [options.TransferSetupSeconds, options.TransferSecondsPerToken * TokenScale, 0],
        [0.1, 0.1, 1e-12]);

    /// <summary>Seconds that do not depend on the length, and seconds for each token.</summary>
    public (double Setup, double Token) Line => (Math.Max(0, _line[0]), Math.Max(0, _line[1]) / TokenScale);

    public double Seconds(double tokens)
    {
        var (setup, token) = Line;
        return setup + (token * tokens);
    }

    public void Learn(double tokens, double seconds)
    {
        if (seconds >= 0)
            _line.Learn(1, tokens / TokenScale, 0, seconds);
    }
}
