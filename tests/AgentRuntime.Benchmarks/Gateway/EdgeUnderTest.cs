using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Gateway;
using AgentRuntime.Policies;
using AgentRuntime.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// The edge as the platform composes it: keys in SQLite, quota ledger, policy bundle, routing. Only runs are left out.
/// </summary>
internal static class EdgeUnderTest
{
    private static readonly Dictionary<string, string> Bundle = new()
    {
        ["bundle.yaml"] = """
            name: bench
            quota:
              requests_per_minute: 10_000_000
              tokens_per_minute: 1_000_000_000
              cost_per_day_usd: 1000
              concurrent_runs: 16
            models:
              sim:
                direct: [bench]
            """,
    };

    public static async Task RunAsync(string folder, IReadOnlyList<string> engines)
    {
        var time = TimeProvider.System;
        await using var database = SqliteDatabase.Open(Path.Combine(folder, "bench.db"));
        var tenants = new SqliteTenantStore(database, time);
        var tenant = await tenants.EnsureTenantAsync("bench", CancellationToken.None);
        var project = await tenants.EnsureProjectAsync(tenant.Id, "bench", CancellationToken.None);
        var key = ApiKeys.Issue(tenant.Id, project.Id, time);
        await tenants.AddKeyAsync(key.Record, CancellationToken.None);
        await File.WriteAllTextAsync(Path.Combine(folder, "key"), key.Credential);

        using var policy = new PolicyDecisionPoint(new SqliteBundleStore(database), time);
        var applied = await policy.ApplyAsync(tenant.Id, Bundle, CancellationToken.None);
        if (applied.Problems.Count > 0)
            throw new RuntimeErrorException(applied.Problems[0]);

        await using var router = new EngineRouter(
            new EngineRouterOptions
            {
                Engines =
                [
                    .. engines.Select((address, i) =>
                        new EngineDescriptor($"sim-{i}", new Uri(address), EngineKind.Vllm) { MaxRunning = 20_000 }),
                ],
                Disaggregation = Disaggregation.Never,
            },
            time);
        await router.StartAsync(CancellationToken.None);
        var ledger = new QuotaLedger(
            new BundleLimits(policy), new ConfiguredPriceBook(new Dictionary<string, ModelPrice>(), Free), time);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services
            .AddSingleton(time)
            .AddSingleton<IAuthenticator>(new ApiKeyAuthenticator(tenants, time))
            .AddSingleton<IPolicyDecisionPoint>(policy)
            .AddSingleton<IPolicyAdministration>(policy)
            .AddSingleton<IQuotaLedger>(ledger)
            .AddSingleton<IInferenceRouter>(new MeteredInferenceRouter(router, ledger))
            .AddSingleton<IRunJournal>(new SqliteRunJournal(database, time))
            .AddSingleton<IAgentStore>(new SqliteAgentStore(database, time))
            .AddSingleton<IRunService, NoRuns>()
            .AddSingleton<IRunApprovals, NoApprovals>()
            .AddSingleton<ISandboxEngine, NoSandboxes>()
            .AddEdge(new EdgeOptions { MaxInferenceRequestsPerTenant = 10_000 });
        var app = builder.Build();
        app.MapEdge();
        await Servers.RunAsync(app);
    }

    private static ModelPrice Free => new(default, default, default);

    private sealed class BundleLimits(IPolicyDecisionPoint policy) : IQuotaLimitSource
    {
        public QuotaLimits? Find(TenantId tenant) => policy.Current(tenant)?.Tenant.Quota;
    }

    private sealed class NoRuns : IRunService
    {
        public ValueTask<RunRecord> StartAsync(StartRun request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
            TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public IAsyncEnumerable<RunEvent> WatchAsync(
            TenantId tenant, RunId run, long afterSequence, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<bool> CancelAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private sealed class NoApprovals : IRunApprovals
    {
        public ValueTask<ApprovalOutcome> DecideAsync(RunApproval approval, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public IReadOnlyList<WaitingApproval> Waiting(TenantId tenant, ProjectId project) => [];
    }

    private sealed class NoSandboxes : ISandboxEngine
    {
        public string Name => "none";

        public ValueTask<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
