using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>What shall become of a request.</summary>
public enum RouteKind : byte
{
    /// <summary>One engine does it all.</summary>
    Colocated = 1,

    /// <summary>One engine reads the prompt, another writes the answer.</summary>
    Disaggregated = 2,

    /// <summary>It waits in the router, for the named engine or for any.</summary>
    Wait = 3,

    /// <summary>It is refused.</summary>
    Refused = 4,
}

/// <summary>Why the router decided as it did; seconds and tokens as estimated at that moment. Immutable.</summary>
public readonly record struct RouteExplanation
{
    /// <summary>Engines that could have served it.</summary>
    public int Candidates { get; init; }

    /// <summary>Prompt tokens that the chosen engine is believed to hold.</summary>
    public int CachedTokens { get; init; }

    /// <summary>Prompt tokens that the engine with the longest match is believed to hold.</summary>
    public int BestCachedTokens { get; init; }

    /// <summary>Work before it: on the engine and, for the engine, in the router.</summary>
    public double QueueSeconds { get; init; }

    /// <summary>Reading the uncached part of its prompt.</summary>
    public double PrefillSeconds { get; init; }

    /// <summary>Moving its KV state; 0 when colocated.</summary>
    public double TransferSeconds { get; init; }

    /// <summary>What each second of work there costs those who come after, in seconds.</summary>
    public double Congestion { get; init; }

    /// <summary>What the best single engine would cost; infinite when there is none.</summary>
    public double ColocatedCost { get; init; }

    /// <summary>What the best pair would cost; infinite when there is none.</summary>
    public double PairCost { get; init; }

    /// <summary>From now to its first token.</summary>
    public double TtftSeconds => QueueSeconds + PrefillSeconds + TransferSeconds;
}

/// <summary>The answer for one request. Immutable.</summary>
public readonly record struct Assignment
{
    /// <summary>The request.</summary>
    public RouteTicket Ticket { get; init; }

    /// <summary>What to do.</summary>
    public RouteKind Kind { get; init; }

    /// <summary>The engine that reads the prompt; the only one when colocated.</summary>
    public EngineRef Prefill { get; init; }

    /// <summary>The engine that writes the answer; the same one when colocated.</summary>
    public EngineRef Decode { get; init; }

    /// <summary>Why it is refused: AR4001 or AR4009; <c>default</c> otherwise.</summary>
    public ReasonCode Reason { get; init; }

    /// <summary>After which time a refused client may try again, in seconds; 0 otherwise.</summary>
    public double RetryAfterSeconds { get; init; }

    /// <summary>
    /// How long the engines should keep the KV state after the answer, in seconds; 0 for no wish, also when the next
    /// call is further off than <see cref="RoutingOptions.MostRetainSeconds"/>.
    /// </summary>
    public double RetainKvSeconds { get; init; }

    /// <summary>Why.</summary>
    public RouteExplanation Explanation { get; init; }

    /// <summary>What the caller gave with the request.</summary>
    public object? State { get; init; }
}

/// <summary>How a dispatched request failed.</summary>
public enum RouteFailure : byte
{
    /// <summary>The client went away.</summary>
    Cancelled = 1,

    /// <summary>The engine refused it or answered with an error, and lives on.</summary>
    EngineError = 2,

    /// <summary>The prefill engine failed it, or cannot be reached any more; the decode engine did not.</summary>
    PrefillEngineDied = 3,

    /// <summary>The decode engine cannot be reached any more; when colocated, the engine.</summary>
    DecodeEngineDied = 4,

    /// <summary>Another attempt at the same request answers it: this one is neither counted nor charged.</summary>
    Superseded = 5,
}
