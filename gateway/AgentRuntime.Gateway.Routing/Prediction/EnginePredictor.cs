namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Learns one engine's speed from what its responses show: seconds of a prefill as a + tokens · (b + c · running), and
/// seconds of an output token as d + e · batch + f · (prefill seconds in the meantime for each token), where f is the
/// share of prefill time that decoding stands still. Assumes no hardware. Owned by its pool, single writer.
/// </summary>
internal sealed class EnginePredictor
{
    private const double Forgetting = 0.995;
    // Tokens are counted in thousands here, so that the three features are of like size.
    private const double TokenScale = 1000;
    private readonly OnlineRegression _prefill;
    private readonly OnlineRegression _decode;

    public EnginePredictor(PredictionPrior prior)
    {
        _prefill = new(
            Forgetting,
            [prior.PrefillOverheadSeconds, TokenScale / prior.PrefillTokensPerSecond, 0],
            [0.1, 10, 0.001]);
        _decode = new(
            Forgetting,
            [prior.DecodeSecondsPerToken, prior.DecodeSecondsPerRunning, prior.PrefillStall],
            [0.1, 0.001, 10]);
        CacheTrust = 1;
    }

    /// <summary>Smoothed share of promised cache hits that came true, 0 to 1.</summary>
    public double CacheTrust { get; private set; }

    /// <summary>Share of prefill time in which the engine's running sequences stand still, 0 to 1.</summary>
    public double PrefillStall => Math.Clamp(_decode[2], 0, 1);

    /// <summary>A prefill took this long.</summary>
    public void LearnPrefill(double uncachedTokens, int running, double seconds)
    {
        if (seconds <= 0 || uncachedTokens < 0)
            return;
        var tokens = uncachedTokens / TokenScale;
        _prefill.Learn(1, tokens, tokens * running, seconds);
    }

    /// <summary>An answer's tokens took this long, each.</summary>
    public void LearnDecode(double batch, double prefillSecondsPerToken, double secondsPerToken)
    {
        if (secondsPerToken > 0)
            _decode.Learn(1, batch, prefillSecondsPerToken, secondsPerToken);
    }

    /// <summary>A response told how many of the promised tokens were cached.</summary>
    public void LearnCached(double promisedTokens, double actualTokens)
    {
        if (promisedTokens <= 0)
            return;
        var kept = Math.Clamp(actualTokens / promisedTokens, 0, 1);
        CacheTrust += (kept - CacheTrust) * 0.05;
        // What is nearly always true is treated as true: a trust of 0.98 would add noise to every comparison.
        if (CacheTrust > 0.98)
            CacheTrust = 1;
    }

    /// <summary>Writes what has been learned where decisions read it.</summary>
    public void Publish(ref EngineRow row, PredictionPrior prior)
    {
        // A slope cannot be negative and a speed not a thousand times off; a fit may be while it has seen little.
        var fastest = 1e-3 / prior.PrefillTokensPerSecond;
        row.OverheadSeconds = Math.Max(0, _prefill[0]);
        row.TokenSecondsPerRunning = Math.Max(0, _prefill[2] / TokenScale);
        row.TokenSeconds = Math.Max(fastest, _prefill[1] / TokenScale);
        row.DecodeSeconds = Math.Max(1e-6, _decode[0]);
        row.DecodeSecondsPerRunning = Math.Max(0, _decode[1]);
        row.CacheTrust = CacheTrust;
        row.PrefillStall = PrefillStall;
    }
}

/// <summary>
/// What is assumed of an engine before it has answered anything; experience soon outweighs it. Immutable.
/// </summary>
public sealed record PredictionPrior
{
    /// <summary>Prompt tokens that an engine reads in a second. Default 8,000.</summary>
    public double PrefillTokensPerSecond { get; init; } = 8000;

    /// <summary>Seconds that a prefill takes before its first token is read. Default 0.01.</summary>
    public double PrefillOverheadSeconds { get; init; } = 0.01;

    /// <summary>Seconds of one output token. Default 0.02.</summary>
    public double DecodeSecondsPerToken { get; init; } = 0.02;

    /// <summary>Seconds that each further running sequence adds to it. Default 0.0001.</summary>
    public double DecodeSecondsPerRunning { get; init; } = 1e-4;

    /// <summary>Share of prefill time in which the engine's running sequences stand still. Default 0.3.</summary>
    public double PrefillStall { get; init; } = 0.3;
}
