using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>Seconds of work that waits for an engine in the router, by class priority.</summary>
[InlineArray(RoutingOptions.MaxClasses)]
internal struct WaitingSeconds
{
    private double _first;
}

/// <summary>
/// What a decision reads of an engine, side by side with the other engines' rows, so that a thousand of them are read
/// from the processor's cache. <see cref="EngineLanes"/> reads fields two and two, in this order.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EngineRow
{
    /// <summary>When the prompts that were sent to it should all be read.</summary>
    public double BusyUntil;

    /// <summary>Until when its last load report counts; infinite when it reports none.</summary>
    public double FreshUntil;

    /// <summary>Learned: seconds for each uncached token, and what each running sequence adds to that.</summary>
    public double TokenSeconds;
    public double TokenSecondsPerRunning;

    /// <summary>Learned: seconds of a prefill that do not depend on its length.</summary>
    public double OverheadSeconds;

    /// <summary>Learned: share of its promised cache hits that come true.</summary>
    public double CacheTrust;

    /// <summary>Learned: seconds of one output token alone, and what each sequence of the batch adds.</summary>
    public double DecodeSeconds;
    public double DecodeSecondsPerRunning;

    /// <summary>Learned: share of prefill time in which running answers stand still.</summary>
    public double PrefillStall;

    /// <summary>Work that its own report shows beyond what this router sent.</summary>
    public double ForeignSeconds;

    /// <summary>KV tokens still free by the router's count; <see cref="long.MaxValue"/> when unknown.</summary>
    public long KvFreeTokens;

    /// <summary>Sequences dispatched and not ended.</summary>
    public int Running;

    public int MaxRunning;

    /// <summary>Prompts dispatched whose prefill has not ended.</summary>
    public int Prefilling;

    public EngineRoles Roles;

    /// <summary>Whether it is part of the pool and takes new work.</summary>
    public bool Open;

    /// <summary>Smoothed share of the time in which it reads prompts.</summary>
    public double BusyShare;

    /// <summary>Work that waits for it in the router.</summary>
    public WaitingSeconds Waiting;

    /// <summary>Work that waits for it in the router, of all classes.</summary>
    public readonly double AllWaitingSeconds => Waiting[0] + Waiting[1] + Waiting[2] + Waiting[3];

    /// <summary>
    /// Work that it has been sent and has not finished. What is overdue is expected to take as long again as it is
    /// late by now: an engine that hangs looks busier with every second, and not free.
    /// </summary>
    public readonly double PrefillingSeconds(double now) => Prefilling == 0 ? 0 : Math.Abs(BusyUntil - now);

    public readonly double QueueSeconds(double now) => PrefillingSeconds(now) + ForeignSeconds;

    public readonly double PrefillSeconds(double uncachedTokens) =>
        OverheadSeconds + (uncachedTokens * TokenSecondsNow);

    /// <summary>Seconds for each uncached token with what it runs now.</summary>
    public readonly double TokenSecondsNow => TokenSeconds + (TokenSecondsPerRunning * Running);
}
