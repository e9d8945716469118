namespace AgentRuntime.Gateway.Routing;

/// <summary>Why a number of engines is advised.</summary>
public enum ScalingReason : byte
{
    /// <summary>The load fits.</summary>
    Enough = 1,

    /// <summary>
    /// Requests wait longer than the most demanding class allows, or for no engine at all since none of those that
    /// there are may be given them now.
    /// </summary>
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

/// <summary>
/// How many engines a pool should have. One whose load report is late is there, but nothing is known of its load: it
/// takes none of the others', and is not given up either. Immutable.
/// </summary>
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
        Duty prefill = default, decode = default;
        var backlog = 0.0;
        for (var engine = 0; engine < pool.Places; engine++)
        {
            ref readonly var row = ref pool.Row(engine);
            if (pool.Find(engine) is not { } state || !row.Open)
                continue;
            var known = row.FreshUntil >= now;
            if ((row.Roles & EngineRoles.Prefill) != 0)
            {
                prefill.Add(known, row.BusyShare);
                backlog += known ? row.QueueSeconds(now) + row.AllWaitingSeconds : 0;
            }

            if ((row.Roles & EngineRoles.Decode) != 0)
            {
                var capacity = state.Description.KvCapacityTokens;
                var memory = capacity > 0 ? 1 - ((double)row.KvFreeTokens / capacity) : 0;
                decode.Add(known, Math.Clamp(Math.Max(memory, (double)row.Running / row.MaxRunning), 0, 1));
            }
        }

        var blocked = pool.Unbound.Count > 0;
        var (wantPrefill, prefillReason) = Prefill(prefill, backlog, tightestTtftSeconds, blocked);
        var (wantDecode, decodeReason) = Size(decode, TargetFull, ScalingReason.Capacity, blocked);
        return new(prefill.Engines, wantPrefill, prefillReason, decode.Engines, wantDecode, decodeReason);
    }

    private static (int Desired, ScalingReason Reason) Prefill(in Duty duty, double backlog, double ttft, bool blocked)
    {
        if (duty.Known > 0 && backlog / duty.Known > ttft)
        {
            // Enough to work the backlog off within the time that a first token may take, besides the load itself.
            var desired = (int)Math.Ceiling((duty.Load / TargetBusy) + (backlog / ttft) - duty.Known) + duty.Unknown;
            return (Math.Clamp(desired, duty.Engines + 1, duty.Engines * 2), ScalingReason.Backlog);
        }

        return Size(duty, TargetBusy, ScalingReason.Busy, blocked);
    }

    private static (int Desired, ScalingReason Reason) Size(
        in Duty duty, double target, ScalingReason over, bool blocked)
    {
        var engines = duty.Engines;
        if (engines == 0)
            return (1, ScalingReason.NoEngine);
        var desired = Math.Max(1, (int)Math.Ceiling(duty.Load / target) + duty.Unknown);
        if (desired > engines)
            return (desired, over);
        if (blocked)
            return (engines, ScalingReason.Backlog);
        // One at a time and only far below the target, so that advice does not swing.
        return duty.Unknown == 0 && duty.Load / engines < IdleBusy && engines > 1
            && duty.Load / (engines - 1) < target
                ? (engines - 1, ScalingReason.Idle)
                : (engines, ScalingReason.Enough);
    }

    /// <summary>The engines of one duty, and what those of known load have to do together.</summary>
    private record struct Duty(int Known, int Unknown, double Load)
    {
        public readonly int Engines => Known + Unknown;

        public void Add(bool known, double load)
        {
            if (known)
                (Known, Load) = (Known + 1, Load + load);
            else
                Unknown++;
        }
    }
}
