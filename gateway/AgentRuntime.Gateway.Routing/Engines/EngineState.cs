namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// What decisions do not read of an engine. Owned by its pool; its hot half is the <see cref="EngineRow"/>.
/// </summary>
internal sealed class EngineState(EngineDescription description, EnginePredictor predictor)
{
    public EngineDescription Description { get; } = description;

    /// <summary>Where knowledge of its cache comes from now.</summary>
    public KvSource Source { get; set; } = description.Source;

    public EnginePredictor Predictor { get; } = predictor;

    public EngineQueue Queue { get; } = new();

    public EngineHealth Health { get; set; } = EngineHealth.Healthy;

    /// <summary>Removed; its place is kept until the last of its requests has ended.</summary>
    public bool Removed { get; set; }

    /// <summary>Whether it is in the list of engines that may have room.</summary>
    public bool Listed { get; set; }

    /// <summary>Estimated work of the prompts that it was sent and has not finished reading.</summary>
    public double PrefillingSeconds { get; set; }

    /// <summary>When it had last read the prompt in front.</summary>
    public double LastPrefillEndedAt { get; set; } = double.NegativeInfinity;

    /// <summary>Requests whose prompts it was sent and has not read, in the order in which it was sent them.</summary>
    public List<RequestEntry> Reading { get; } = [];

    /// <summary>While it has prompts to read: since when it has read the one in front.</summary>
    public double ReadingSince { get; set; }

    /// <summary>Time that it has spent on reading prompts, as far as first tokens showed it.</summary>
    public double PrefillBusySeconds { get; set; }

    public double BusyShareAt { get; set; }

    public double AddedAt { get; init; }

    public EngineLoad LastLoad { get; set; }

    public double DoubtedAt { get; set; }
}
