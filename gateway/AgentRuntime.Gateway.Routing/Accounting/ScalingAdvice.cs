namespace AgentRuntime.Gateway.Routing;

/// <summary>Why a number of engines is advised.</summary>
public enum ScalingReason : byte
{
    /// <summary>The load fits.</summary>
    Enough = 1,

    /// <summary>Requests wait longer than the most demanding class allows.</summary>
    Backlog = 2,

    /// <summary>Engines are busier than the target.</summary>
    Busy = 3,

    /// <summary>KV memory or sequences are nearly used up.</summary>
    Capacity = 4,

    /// <summary>Fewer engines would do.</summary>
    Idle = 5,

    /// <summary>No engine takes work.</summary>
    NoEngine = 6,
}

/// <summary>How many engines a pool should have. Immutable.</summary>
/// <param name="PrefillEngines">Engines that read prompts now.</param>
/// <param name="DesiredPrefillEngines">How many it should be.</param>
/// <param name="PrefillReason">Why.</param>
/// <param name="DecodeEngines">Engines that write answers now; one that does both counts in both.</param>
/// <param name="DesiredDecodeEngines">How many it should be.</param>
/// <param name="DecodeReason">Why.</param>
public readonly record struct ScalingAdvice(
    int PrefillEngines,
    int DesiredPrefillEngines,
    ScalingReason PrefillReason,
    int DecodeEngines,
    int DesiredDecodeEngines,
    ScalingReason DecodeReason)
{
    private const double TargetBusy = 0.7;
    private const double IdleBusy = 0.4;
    private const double TargetFull = 0.8;

    internal static ScalingAdvice Of(ModelPool pool, double tightestTtftSeconds, double now)
    {
        int prefill = 0, decode = 0;
        double busy = 0, backlog = 0, full = 0;
        for (var engine = 0; engine < pool.Places; engine++)
        {
            ref readonly var row = ref pool.Row(engine);
            if (pool.Find(engine) is not { } state || !row.Open)
                continue;
            if ((row.Roles & EngineRoles.Prefill) != 0)
            {
                prefill++;
                busy += row.BusyShare;
                backlog += row.QueueSeconds(now) + row.AllWaitingSeconds;
            }

            if ((row.Roles & EngineRoles.Decode) != 0)
            {
                decode++;
                var capacity = state.Description.KvCapacityTokens;
                var memory = capacity > 0 ? 1 - ((double)row.KvFreeTokens / capacity) : 0;
                full += Math.Clamp(Math.Max(memory, (double)row.Running / row.MaxRunning), 0, 1);
            }
        }

        var (wantPrefill, prefillReason) = Prefill(prefill, busy, backlog, tightestTtftSeconds);
        var (wantDecode, decodeReason) = Size(decode, full, TargetFull, ScalingReason.Capacity);
        return new(prefill, wantPrefill, prefillReason, decode, wantDecode, decodeReason);
    }

    private static (int Desired, ScalingReason Reason) Prefill(int engines, double busy, double backlog, double ttft)
    {
        if (engines > 0 && backlog / engines > ttft)
        {
            // Enough to work the backlog off within the time that a first token may take, besides the load itself.
            var desired = (int)Math.Ceiling((busy / TargetBusy) + (backlog / ttft) - engines);
            return (Math.Clamp(desired, engines + 1, engines * 2), ScalingReason.Backlog);
        }

        return Size(engines, busy, TargetBusy, ScalingReason.Busy);
    }

    private static (int Desired, ScalingReason Reason) Size(int engines, double load, double target, ScalingReason over)
    {
        if (engines == 0)
            return (1, ScalingReason.NoEngine);
        var desired = Math.Max(1, (int)Math.Ceiling(load / target));
        if (desired > engines)
            return (desired, over);
        // One at a time and only far below the target, so that advice does not swing.
        return load / engines < IdleBusy && engines > 1 && load / (engines - 1) < target
            ? (engines - 1, ScalingReason.Idle)
            : (engines, ScalingReason.Enough);
    }
}
