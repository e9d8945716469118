using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>Makes the identities and calls that tests decide.</summary>
internal static class Calls
{
    public static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Id = new("01900000-0000-7000-8000-00000000000a");

    public static TenantId Tenant { get; } = new(Id);

    public static WorkIdentity Agent(string name) =>
        Client(name.Split('/')[0]) with { Agent = new(Id), AgentName = name, Run = new(Id) };

    public static WorkIdentity Client(string project) => new(Tenant, "acme", new(Id), project, "key:key_1");

    public static PolicyCall Tool(string tool, string arguments = "{}", DateTimeOffset? at = null)
    {
        using var document = JsonDocument.Parse(arguments);
        return new(PolicyAction.CallTool, tool, document.RootElement.Clone(), at ?? Noon);
    }

    public static PolicyCall Model(string model) => Tool(model) with { Action = PolicyAction.UseModel };

    public static Decision Decide(Dictionary<string, string> bundle, string agent, PolicyCall call) =>
        Sample.Snapshot(bundle).Open(Agent(agent)).Decide(call);
}
