using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>Records as the contract tests need them.</summary>
internal static class Given
{
    private static readonly DateTimeOffset Start = new(2026, 11, 20, 12, 0, 0, 123, 456, TimeSpan.Zero);

    /// <summary>The n-th run of a sequence that is ordered in time; each call names another run.</summary>
    public static RunRecord Run(TenantId tenant, int minute = 0, string input = "hello") => new(
        new WorkIdentity(tenant, "acme", new ProjectId(Guid.CreateVersion7(Start)), "demo", "key:key_1")
        {
            Run = new RunId(Guid.CreateVersion7(Start.AddMinutes(minute))),
            Agent = new AgentId(Guid.CreateVersion7(Start)),
            AgentName = "demo/triage",
        },
        ModuleDigest.Of([1, 2, 3]),
        BundleDigest.Of([4, 5, 6]),
        input,
        RunStatus.Queued,
        Start.AddMinutes(minute))
    {
        TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };

    /// <summary>The same tenant for the same number.</summary>
    public static TenantId Tenant(int number) =>
        new(new Guid(0x0193_4000 + number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 1));

    public static RunId Id(RunRecord run) => run.Identity.Run!.Value;
}
