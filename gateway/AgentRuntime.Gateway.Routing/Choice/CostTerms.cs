namespace AgentRuntime.Gateway.Routing;

/// <summary>What a request's costs are made of that is the same for every engine. Made once for a decision.</summary>
internal readonly struct CostTerms
{
    public required int PromptTokens { get; init; }

    public required int BlockTokens { get; init; }

    /// <summary>KV tokens that prompt and answer take.</summary>
    public required int NeedKv { get; init; }

    /// <summary>What a second of the answer costs, times its tokens.</summary>
    public required double OutputWeight { get; init; }

    /// <summary>What a second costs for which a running answer stands still.</summary>
    public required double StreamDelayWeight { get; init; }

    /// <summary>Seconds of a token on the mean engine.</summary>
    public required double TokenSeconds { get; init; }

    public required double TransferSetup { get; init; }

    public required double TransferToken { get; init; }

    public required Congestion Congestion { get; init; }

    public required WorkAhead Ahead { get; init; }

    public required double Now { get; init; }

    /// <summary>What an engine must do otherwise to be given the whole request.</summary>
    public required EngineRoles Alone { get; init; }
}
