namespace AgentRuntime.Gateway.Routing;

/// <summary>What the router would do with a request if it could be done at once. Immutable.</summary>
internal readonly struct Choice
{
    /// <summary>The engine that reads the prompt; -1 when none is open.</summary>
    public required int Prefill { get; init; }

    /// <summary>The engine that writes the answer; the same one when colocated.</summary>
    public required int Decode { get; init; }

    public required int CachedTokens { get; init; }

    public required double PrefillSeconds { get; init; }

    /// <summary>Whether it counts on what others are still to read: true only once they have been.</summary>
    public required bool IsExpected { get; init; }

    public required double Cost { get; init; }

    public required RouteExplanation Explanation { get; init; }

    public static Choice None { get; } = new()
    {
        Prefill = -1, Decode = -1, CachedTokens = 0, PrefillSeconds = 0, IsExpected = false,
        Cost = double.PositiveInfinity, Explanation = default,
    };
}
