using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Identity and policy as a test wants them, in memory.</summary>
internal sealed class MemoryPorts : IAuthenticator, IPolicyDecisionPoint, IPolicyAdministration
{
    public const string AcmeKey = "ar_acme";
    public const string GlobexKey = "ar_globex";

    /// <summary>The module that the bundle names as a tool.</summary>
    public static readonly ModuleDigest ToolModule = ModuleDigest.Of("tool"u8);


    private readonly List<CallOutcome> _settled = [];
    private readonly TaskCompletionSource _settledOne = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WorkIdentity Acme { get; } = RouterHarness.Identity("acme");

    public WorkIdentity Globex { get; } = RouterHarness.Identity("globex");

    public MemoryRuns Runs { get; } = new();

    public MemoryApprovals Approvals { get; } = new();

    public MemoryAgents Agents { get; } = new();

    /// <summary>Models that policy grants; null when the tenant has no bundle.</summary>
    public HashSet<string>? Granted { get; set; } = ["m"];

    /// <summary>What the bundle says of <c>demo/limited</c>; it names no other agent.</summary>
    public AgentPolicy? Limited { get; set; }

    /// <summary>
    /// How calls ended, in their order. The first of them is awaited: a response is out before its call is settled.
    /// </summary>
    public async Task<IReadOnlyList<CallOutcome>> SettledAsync()
    {
        await _settledOne.Task;
        lock (_settled) return [.. _settled];
    }

    public IReadOnlyDictionary<string, string>? AppliedBundle { get; private set; }

    /// <summary>Called with the key of each request before it is looked at.</summary>
    public Action<string>? Asked { get; set; }

    public ValueTask<WorkIdentity?> AuthenticateAsync(string credential, CancellationToken cancellationToken)
    {
        Asked?.Invoke(credential);
        return ValueTask.FromResult(credential switch
        {
            AcmeKey => Acme,
            GlobexKey => Globex,
            _ => null,
        });
    }

    public IPolicySnapshot? Current(TenantId tenant) => Granted is null ? null : new Snapshot(this);

    public ValueTask<ApplyOutcome> ValidateAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ApplyOutcome>(files.ContainsKey("bad")
            ? new(null, [new(ReasonCodes.InvalidBundle, "no such tool", "bad:1")])
            : new(BundleDigest.Of("bundle"u8), []));

    public async ValueTask<ApplyOutcome> ApplyAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        var outcome = await ValidateAsync(tenant, files, cancellationToken);
        if (outcome.Problems.Count == 0)
            AppliedBundle = files;
        return outcome;
    }

    private sealed class Snapshot(MemoryPorts ports) : IPolicySnapshot, IRunPolicy
    {
        public BundleDigest Digest => BundleDigest.Of("bundle"u8);

        public BundleDigest Bundle => Digest;

        public TenantPolicy Tenant { get; } = new(
            new QuotaLimits(), [new("tool", new($"wasm:{ToolModule}")), new("shop", new("http://shop"))], []);

        public AgentPolicy? FindAgent(string qualifiedName) => qualifiedName == "demo/limited" ? ports.Limited : null;

        public RuntimeError? RefusalToStart(WorkIdentity identity, DateTimeOffset at) => null;

        public IRunPolicy Open(WorkIdentity identity) => this;

        public IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered) => [];

        public Decision Decide(PolicyCall call) => ports.Granted!.Contains(call.Resource)
            ? new Decision(Verdict.Allow, null, Digest)
            : new Decision(Verdict.Deny, new(ReasonCodes.ModelNotGranted, "not granted", "model"), Digest);

        public void Settle(PolicyCall call, CallOutcome outcome)
        {
            lock (ports._settled) ports._settled.Add(outcome);
            ports._settledOne.TrySetResult();
        }
    }
}

/// <summary>A ledger that only shows figures: the edge does no more with it.</summary>
internal sealed class MemoryLedger : IQuotaLedger
{
    public RuntimeError? TryOpenRun(WorkIdentity run, RunBudget budget) => null;

    public void KeepPlace(WorkIdentity run)
    {
        // Nothing is left over from before.
    }

    public RuntimeError? TryReopenRun(WorkIdentity run, RunBudget budget) => null;

    public void CloseRun(RunId run)
    {
    }

    public ValueTask<ReserveOutcome> ReserveAsync(Reservation reservation, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ReserveOutcome>(new ReserveOutcome.Refused(new(ReasonCodes.RequestQuota, "used up")));

    public ValueTask<MicroUsd> SettleAsync(
        QuotaHold hold, InferenceUsage actual, CancellationToken cancellationToken) =>
        ValueTask.FromResult(default(MicroUsd));

    public ValueTask ReleaseAsync(QuotaHold hold, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public QuotaStatus Status(TenantId tenant) =>
        new(new QuotaLimits(), 599, new TokenCount(150_000), TimeSpan.FromSeconds(42.5));
}
