using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Execution;
using AgentRuntime.Gateway;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Host.Seeding;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Policies;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tools;

namespace AgentRuntime.Host.Composition;

/// <summary>The rooms behind their ports, one method a room. Everything is a singleton.</summary>
internal static class PlatformServices
{
    public static IServiceCollection AddState(
        this IServiceCollection services, StateStores stores, PlatformOptions options) => services
        .AddSingleton(TimeProvider.System)
        .AddSingleton(stores.Tenants)
        .AddSingleton(stores.Agents)
        .AddSingleton(stores.Bundles)
        .AddSingleton(stores.Audit)
        .AddSingleton<IAuditLog>(provider => new AuditLog(
            provider.GetRequiredService<IAuditStore>(),
            provider.GetRequiredService<TimeProvider>(),
            failed: e => Logging.LogAuditNotWritten(Logging.Factory.CreateLogger<AuditLog>(), e.ToString())))
        .AddSingleton(stores.Memory)
        .AddSingleton(stores.Runs)
        .AddSingleton(stores.Spend)
        .AddSingleton(stores.Storage)
        .AddSingleton(options.Storage.Limits)
        .AddSingleton(provider => new RunRetentionSweep(
            provider.GetRequiredService<ITenantStorage>(),
            provider.GetRequiredService<StorageLimits>(),
            provider.GetRequiredService<TimeProvider>(),
            failed: e => Logging.LogRunsKept(Logging.Factory.CreateLogger<RunRetentionSweep>(), e.ToString())));

    public static IServiceCollection AddPolicy(this IServiceCollection services, PlatformOptions options) => services
        .AddSingleton(new PolicyOptions
        {
            ToolEndpoints = options.ToolEndpoints.ToDictionary(e => e.Key, e => new Uri(e.Value)),
            FirstPriority = options.QuotaCeiling?.FirstPriority ?? 0,
            QuotaCeiling = options.QuotaCeiling is not { } ceiling ? null : new()
            {
                RequestsPerMinute = ceiling.RequestsPerMinute,
                TokensPerMinute = new(ceiling.TokensPerMinute),
                CostPerDay = new((long)(ceiling.CostPerDayUsd * 1_000_000)),
                ConcurrentRuns = ceiling.ConcurrentRuns,
            },
            MemoryCeiling = ByteCount.FromMebibytes(options.Sandbox.MaxMemoryMib),
            HonoursObligations = true, // runs send a decision's arguments in place of those that were asked for
        })
        .AddSingleton<PolicyDecisionPoint>()
        .AddSingleton<IPolicyAnalysis, PolicyAnalysis>()
        .AddSingleton<IPolicyDecisionPoint>(provider => provider.GetRequiredService<PolicyDecisionPoint>())
        .AddSingleton<IPolicyAdministration>(provider => provider.GetRequiredService<PolicyDecisionPoint>())
        .AddSingleton<IPolicyVersions>(provider => provider.GetRequiredService<PolicyDecisionPoint>())
        .AddSingleton<IQuotaLimitSource, BundleQuotaLimits>();

    public static IServiceCollection AddSandboxes(this IServiceCollection services, IWasmEngine engine) => services
        .AddSingleton(provider => new WasmSandboxEngine(
            engine, new SandboxEngineOptions(), provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<ISandboxEngine>(provider => provider.GetRequiredService<WasmSandboxEngine>());

    /// <summary>Engines, and around them the ledger: nothing reaches an engine that is not paid for.</summary>
    public static IServiceCollection AddInference(
        this IServiceCollection services, PlatformOptions options, IReadOnlyList<EngineDescriptor> engines) => services
        .AddSingleton(_ => new Tokenization(options))
        .AddSingleton<IPriceBook>(Prices.Read(options))
        .AddSingleton<IQuotaLedger, QuotaLedger>()
        .AddSingleton(provider => new EngineRouter(
            new EngineRouterOptions
            {
                Engines = engines,
                VocabularyLoader = GgufTokenizer.Load,
                PromptKeys = provider.GetRequiredService<Tokenization>().Keys,
                Tokenizers = provider.GetRequiredService<Tokenization>().Tokenizers,
                Disaggregation = Enum.Parse<Disaggregation>(options.Disaggregation, ignoreCase: true),
                CacheSaltSecret = SecretFile.Ensure(Path.Combine(options.State, "cache-salt.key"), bytes: 32),
                SloTargets = new BundleSloTargets(provider.GetRequiredService<IPolicyDecisionPoint>()),
            },
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()))
        .AddSingleton(provider => provider.GetRequiredService<EngineRouter>().ServiceLevels)
        .AddSingleton<ServiceLevelMetrics>()
        .AddSingleton<IInferenceRouter>(provider => new MeteredInferenceRouter(
            provider.GetRequiredService<EngineRouter>(), provider.GetRequiredService<IQuotaLedger>()));

    public static IServiceCollection AddRuns(this IServiceCollection services, PlatformOptions options) => services
        .AddSingleton<IAuthenticator, ApiKeyAuthenticator>()
        .AddSingleton<McpToolTransport>()
        .AddSingleton(provider => new WasmToolTransport(
            provider.GetRequiredService<WasmSandboxEngine>(),
            provider.GetRequiredService<IAgentStore>(),
            new SandboxLimits(),
            provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<IToolTransport, ToolTransports>()
        .AddSingleton(new RunServiceOptions
        {
            Workers = options.Workers,
            MaxTenantMemory = ByteCount.FromMebibytes(options.Sandbox.MaxTenantMemoryMib),
            ApprovalPatience = TimeSpan.FromSeconds(options.ApprovalPatienceSeconds),
            ShelfFolder = Path.Combine(options.State, "waiting"),
        })
        .AddSingleton<RunService>()
        .AddSingleton<IRunService>(provider => provider.GetRequiredService<RunService>())
        .AddSingleton<IRunApprovals>(provider => provider.GetRequiredService<RunService>());

    /// <summary>Lets nodes join, when that is configured.</summary>
    public static IServiceCollection AddNodes(this IServiceCollection services, PlatformOptions options) =>
        options.Registration is not { } registration ? services : services.AddNodeRegistration(new()
        {
            JoinSecret = Encoding.UTF8.GetBytes(SecretFile.ReadText(
                Path.Combine(options.State, registration.KeyFile), make: true)),
            Lease = TimeSpan.FromSeconds(registration.LeaseSeconds),
        });

    public static IServiceCollection AddTenantSeed(this IServiceCollection services) =>
        services.AddSingleton<TenantSeed>();
}
