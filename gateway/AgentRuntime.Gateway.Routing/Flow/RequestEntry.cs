namespace AgentRuntime.Gateway.Routing;

internal enum RequestPhase : byte
{
    /// <summary>The place is free.</summary>
    Ended = 0,
    Waiting = 1,
    Prefilling = 2,
    Transferring = 3,
    Decoding = 4,
}

/// <summary>A request under way. Pooled; its generation changes whenever it ends. Owned by the core.</summary>
internal sealed class RequestEntry(int slot)
{
    public int Slot { get; } = slot;

    public uint Generation { get; set; } = 1;

    public RequestPhase Phase { get; set; }

    public RouteRequest Request { get; set; }

    public TenantShare Tenant { get; set; } = null!;

    public ModelPool Pool { get; set; } = null!;

    public Lane? Lane { get; set; }

    /// <summary>Engine that it waits for or that reads its prompt; -1 for none.</summary>
    public int Prefill { get; set; } = -1;

    /// <summary>
    /// The engine that was sent its prompt; null before. Once the prompt has been read nothing keeps that engine's
    /// place, so <see cref="Prefill"/> may name another one by then.
    /// </summary>
    public EngineState? Reader { get; set; }

    /// <summary>Engine that writes its answer; the same one when colocated; -1 while it waits.</summary>
    public int Decode { get; set; } = -1;

    /// <summary>Engine that failed it; -1 for none.</summary>
    public int Excluded { get; set; } = -1;

    /// <summary>Decided when it was bound.</summary>
    public Choice Choice { get; set; }

    public double ChosenAt { get; set; }

    public long Sequence { get; set; }

    /// <summary>How often it has been put into a lane, also for requests that had the place before.</summary>
    public long Addition { get; set; }

    /// <summary>Whether it is counted among the requests that share its prefix.</summary>
    public bool IsShared { get; set; }

    public int Rebinds { get; set; }

    public int Attempts { get; set; }

    public double ArrivedAt { get; set; }

    public double QueuedAt { get; set; }

    public double WaitUntil { get; set; }

    /// <summary>When its first token is due: the order among its tenant's requests.</summary>
    public double Due { get; set; }

    public double PrefillEndedAt { get; set; }

    /// <summary>When the client got its first token; not a number until then.</summary>
    public double FirstTokenAt { get; set; } = double.NaN;

    /// <summary>Tokens that the client had when the request was last moved.</summary>
    public int DeliveredTokens { get; set; }

    /// <summary>
    /// When the engine that writes now gave its first token; later than the client's after a failure.
    /// </summary>
    public double DecodeStartedAt { get; set; }

    /// <summary>Estimated when it was bound or dispatched.</summary>
    public double PrefillSeconds { get; set; }

    public int CachedTokens { get; set; }

    /// <summary>
    /// Tokens of the client's own prompt that its engine was sent to read when it was last dispatched: what the client
    /// had of the answer by then was sent with it, and is charged as output.
    /// </summary>
    public int DispatchedUncachedTokens { get; set; }

    /// <summary>
    /// Measured, once the prefill has ended; 0 when another prompt was in front, and nobody knows since when this one
    /// was read.
    /// </summary>
    public double MeasuredPrefillSeconds { get; set; }

    public int RunningAtDispatch { get; set; }

    public int RunningAtFirstToken { get; set; }

    public double PrefillBusyAtFirstToken { get; set; }

    public bool CachedTokensKnown { get; set; }

    public long ReservedKvTokens { get; set; }

    /// <summary>Charged so far, in tokens.</summary>
    public double Charged { get; set; }

    public RouteTicket Ticket => new(Slot, Generation);

    public int UncachedTokens => Math.Max(1, Request.PromptTokens - CachedTokens);

    public bool IsPair => Decode >= 0 && Decode != Prefill;

    /// <summary>Ends the request: its ticket is void, and nothing of it is kept alive.</summary>
    public void Reset()
    {
        Phase = RequestPhase.Ended;
        Generation = Generation == uint.MaxValue ? 1 : Generation + 1;
        Request = default;
        Choice = Choice.None;
        Tenant = null!;
        Pool = null!;
        Lane = null;
        Reader = null;
        Prefill = Decode = Excluded = -1;
        Attempts = 0;
        FirstTokenAt = double.NaN;
        DeliveredTokens = 0;
        Charged = 0;
        CachedTokens = 0;
    }
}
