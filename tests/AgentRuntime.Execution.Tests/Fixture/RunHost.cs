using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Storage;
using AgentRuntime.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>
/// The run service over the real journal, stores, ledger, metering and MCP transport; agents, engines and policy are
/// scripted. Tenant <c>acme</c>, project <c>demo</c>.
/// </summary>
internal sealed class RunHost : IAsyncDisposable
{
    private readonly DirectoryInfo? _ownFolder;
    private readonly SqliteDatabase _database;
    private readonly RunServiceOptions _options;
    private CancellationTokenSource _stop = new();
    private Task _workers = Task.CompletedTask;
    private Task? _resuming;

    /// <param name="options">The service's bounds.</param>
    /// <param name="folder">Where its database is; null for a folder of its own.</param>
    /// <param name="limits">What its tenant may keep; null for the defaults.</param>
    public RunHost(RunServiceOptions? options = null, string? folder = null, StorageLimits? limits = null)
    {
        _ownFolder = folder is null ? Directory.CreateTempSubdirectory("agentruntime-runs-") : null;
        _options = options ?? new RunServiceOptions { Workers = 4 };
        _database = SqliteDatabase.Open(Path.Combine(folder ?? _ownFolder!.FullName, "state.db"));
        Tenants = new SqliteTenantStore(_database, TimeProvider.System);
        Agents = new SqliteAgentStore(_database, TimeProvider.System);
        Journal = new BrittleJournal(new SqliteRunJournal(_database, TimeProvider.System));
        Memory = new SqliteMemoryStore(_database, limits);
        Ledger = NewLedger();
        Tools = new McpToolTransport(TimeProvider.System, _options);
        Service = NewService();
    }

    public static ModelPrice Price { get; } = new(new(1_000_000), new(250_000), new(2_000_000));

    public ScriptedEngine Engine { get; } = new();

    /// <summary>Runs the agents; a test that wants real modules sets a real engine and restarts.</summary>
    public ISandboxEngine? RealEngine { get; set; }

    /// <summary>Reaches tool servers in place of the real one; takes effect with a restart.</summary>
    public IToolTransport? OtherTools { get; set; }

    /// <summary>The clock of the services that are made from now on.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    public ScriptedPolicy Policy { get; } = new();

    public MemoryAuditLog Audit { get; } = new();

    public ScriptedInference Inference { get; } = new();

    public McpToolTransport Tools { get; }

    public SqliteTenantStore Tenants { get; }

    public SqliteAgentStore Agents { get; }

    public BrittleJournal Journal { get; }

    public SqliteMemoryStore Memory { get; }

    /// <summary>Whether the service has a store of agents' memory; takes effect with a restart.</summary>
    public bool KeepsMemory { get; set; } = true;

    public QuotaLedger Ledger { get; private set; }

    public RunService Service { get; private set; }

    public WorkIdentity Caller { get; private set; } = null!;

    /// <summary>Makes the tenant and, unless told otherwise, starts the workers.</summary>
    public static async Task<RunHost> StartAsync(
        RunServiceOptions? options = null, bool work = true, string? folder = null, StorageLimits? limits = null)
    {
        var host = new RunHost(options, folder, limits);
        host.Caller = await host.CallerOfAsync("acme", "demo");
        if (!work)
            return host;
        await host.ResumeAsync();
        host.Work();
        return host;
    }

    public async Task<WorkIdentity> CallerOfAsync(string tenant, string project)
    {
        var t = await Tenants.EnsureTenantAsync(tenant, CancellationToken.None);
        var p = await Tenants.EnsureProjectAsync(t.Id, project, CancellationToken.None);
        return new WorkIdentity(t.Id, t.Name, p.Id, p.Name, "key:key_1");
    }

    /// <summary>Starts the workers, and takes over first what was left.</summary>
    public void Work() => _workers = WorkAsync();

    /// <summary>Takes over what was left, once for each service.</summary>
    public Task ResumeAsync() => _resuming ??= Service.ResumeAsync(_stop.Token);

    /// <summary>A second service over the same journal and an empty ledger, as after a restart.</summary>
    public void Restart()
    {
        _stop.Dispose();
        _stop = new CancellationTokenSource();
        Ledger = NewLedger();
        Service = NewService();
        _resuming = null;
    }

    /// <summary>Stops the workers as a shutdown does.</summary>
    public async Task StopWorkersAsync()
    {
        await _stop.CancelAsync();
        await _workers;
    }

    /// <summary>Stops the workers without a last word in the journal, as a crash does.</summary>
    public async Task CrashAsync()
    {
        Journal.IsDown = true;
        await StopWorkersAsync();
        Journal.IsDown = false;
    }

    public async Task DeployAsync(string name, GuestProgram program)
    {
        Policy.Agents.Add($"demo/{name}");
        await Agents.DeployAsync(
            new AgentDeployment(Caller.Tenant, Caller.Project, name, Engine.Module(name, program)),
            CancellationToken.None);
    }

    public async Task DeployModuleAsync(string name, byte[] wasm)
    {
        Policy.Agents.Add($"demo/{name}");
        await Agents.DeployAsync(
            new AgentDeployment(Caller.Tenant, Caller.Project, name, wasm), CancellationToken.None);
    }

    public async Task<RunRecord> StartRunAsync(string agent, string input = "in")
    {
        await ResumeAsync();
        return await Service.StartAsync(new StartRun(Caller, "demo", agent, input), CancellationToken.None);
    }

    /// <summary>Deploys a program, runs it to its end and returns the run with its events.</summary>
    public async Task<(RunRecord Run, List<RunEventData> Events)> RunAsync(GuestProgram program, string input = "in")
    {
        await DeployAsync("agent", program);
        return await EndAsync(await StartRunAsync("agent", input));
    }

    /// <summary>
    /// Deploys a program and runs it to its end, with a restart of the platform between what it does first and what it
    /// does with that. Without the latter it returns the former.
    /// </summary>
    public async Task<(RunRecord Run, List<RunEventData> Events)> RunThroughRestartAsync(
        Func<ScriptedGuest, Task<string>> first, Func<ScriptedGuest, Task<string>>? then = null)
    {
        var (entered, resume) = (new TaskCompletionSource(), new TaskCompletionSource());
        await DeployAsync("agent", async (_, guest) =>
        {
            var said = await first(guest);
            entered.TrySetResult();
            await resume.Task;
            return then is null ? said : await then(guest);
        });
        var run = await StartRunAsync("agent");
        await entered.Task;
        await StopWorkersAsync();
        Restart();
        resume.SetResult();
        Work();
        return await EndAsync(run);
    }

    public async Task<(RunRecord Run, List<RunEventData> Events)> EndAsync(RunRecord run)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        var events = new List<RunEventData>();
        await foreach (var e in Service.WatchAsync(Caller.Tenant, run.Identity.Run!.Value, 0, patience.Token))
            events.Add(e.Data);
        return ((await Service.FindAsync(Caller.Tenant, run.Identity.Run!.Value, patience.Token))!, events);
    }

    public async Task<ReasonCode> RefusalAsync(StartRun request) =>
        (await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await Service.StartAsync(request, CancellationToken.None))).Error.Code;

    public async ValueTask DisposeAsync()
    {
        await StopWorkersAsync();
        await Tools.DisposeAsync();
        await _database.DisposeAsync();
        _stop.Dispose();
        _ownFolder?.Delete(recursive: true);
    }

    private async Task WorkAsync()
    {
        await ResumeAsync();
        await Service.RunAsync(_stop.Token);
    }

    private QuotaLedger NewLedger() => new(
        Policy, new ConfiguredPriceBook(new Dictionary<string, ModelPrice> { ["m"] = Price }),
        new SqliteSpendStore(_database), TimeProvider.System);

    private RunService NewService() => new(
        RealEngine ?? Engine,
        Agents,
        Policy,
        new MeteredInferenceRouter(Inference, Ledger),
        OtherTools ?? Tools,
        Journal,
        Ledger,
        Time,
        NullLogger<RunService>.Instance,
        _options,
        Audit,
        KeepsMemory ? Memory : null);
}
