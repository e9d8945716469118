using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>A core with engines, a clock that tests move by hand, and short forms of what most tests say.</summary>
internal sealed class CoreFixture
{
    private readonly Dictionary<string, TenantId> _tenants = [];

    public CoreFixture(RoutingOptions? options = null, params EngineDescription[] engines)
    {
        Core = new(options ?? new(), seed: 1);
        Engines = [.. (engines.Length == 0 ? Named(2) : engines).Select(e => Core.AddEngine(e, 0))];
    }

    public RoutingCore Core { get; }

    public EngineRef[] Engines { get; }

    public double Now { get; set; }

    public static EngineDescription[] Named(int count, EngineRoles roles = EngineRoles.Both) =>
        [.. Enumerable.Range(0, count).Select(i => new EngineDescription($"e{i}", "m") { Roles = roles })];

    public TenantId Tenant(string name) =>
        _tenants.TryGetValue(name, out var id)
            ? id
            : _tenants[name] = new(new Guid(_tenants.Count + 1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]));

    public static BlockKey[] Blocks(int from, int count) =>
        [.. Enumerable.Range(from, count).Select(i => new BlockKey(XxHash64.Avalanche((ulong)i + 1000)))];

    public RouteTicket Submit(int prompt = 1600, BlockKey[]? blocks = null, string tenant = "a", int @class = 0) =>
        Core.Submit(
            new()
            {
                Pool = 1, Tenant = Tenant(tenant), PromptTokens = prompt, ExpectedOutputTokens = 100,
                Blocks = blocks, Class = @class,
            },
            Now);

    public Assignment Take() =>
        Core.TryTake(Now, out var assignment) ? assignment : throw new InvalidOperationException("nothing to take");

    public bool IsIdle => !Core.TryTake(Now, out _);

    public void Finish(Assignment assignment, int prompt = 1600, int cached = 0, int output = 100)
    {
        Core.FirstToken(assignment.Ticket, Now, cached);
        Core.Completed(assignment.Ticket, prompt, cached, output, Now);
    }
}
