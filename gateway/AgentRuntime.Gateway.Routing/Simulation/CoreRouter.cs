using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>The product's own router: the same <see cref="RoutingCore"/> that serves.</summary>
internal sealed class CoreRouter : SimulatedRouter
{
    private readonly RoutingCore _core;
    private readonly EngineRef[] _engines;
    private readonly bool _oneTenant;

    public CoreRouter(RoutingOptions options, SimulationOptions simulation, ulong seed)
    {
        _core = new(options, seed);
        _oneTenant = simulation.OneTenant;
        _engines = new EngineRef[simulation.AllEngines];
        for (var e = 0; e < _engines.Length; e++)
        {
            _engines[e] = _core.AddEngine(
                new($"engine-{e}", "model") { Roles = simulation.RolesOf(e), MaxRunning = 4096 }, now: 0);
        }
    }

    public RoutingCore Core => _core;

    public EngineRef EngineOf(int engine) => _engines[engine];

    public static TenantId TenantOf(int tenant) => new(new Guid(tenant + 1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]));

    public override void Arrive(SimulatedRequest request, double now) =>
        request.Ticket = _core.Submit(
            new()
            {
                Pool = _engines[0].Pool,
                Tenant = TenantOf(_oneTenant ? 0 : request.Trace.Tenant),
                Class = request.Trace.Class,
                PromptTokens = request.Trace.PromptTokens,
                ExpectedOutputTokens = request.Trace.OutputTokens,
                Blocks = request.Trace.Blocks,
                State = request,
            },
            now);

    public override bool TryTake(double now, out SimulatedRequest? request, out int prefill, out int decode)
    {
        request = null;
        prefill = decode = -1;
        if (!_core.TryTake(now, out var taken))
            return false;
        request = (SimulatedRequest)taken.State!;
        if (taken.Kind != RouteKind.Refused)
            (prefill, decode) = (taken.Prefill.Index, taken.Decode.Index);
        return true;
    }

    public override void PrefillEnded(SimulatedRequest request, double now) => _core.PrefillDone(request.Ticket, now);

    public override void FirstToken(SimulatedRequest request, double now) => _core.FirstToken(request.Ticket, now);

    public override void Completed(SimulatedRequest request, double now) =>
        _core.Completed(
            request.Ticket, request.Trace.PromptTokens, request.CachedTokens, request.Trace.OutputTokens, now);

    public override void Stored(int engine, BlockKey key) => _core.IndexOf(_engines[engine].Pool).Store(engine, key);

    public override void Evicted(int engine, BlockKey key) => _core.IndexOf(_engines[engine].Pool).Evict(engine, key);

    public override void Advance(double now) => _core.Advance(now);
}
