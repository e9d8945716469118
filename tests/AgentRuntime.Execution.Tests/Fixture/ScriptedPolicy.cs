using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>A bundle whose decisions a test writes in C#. Remembers what was decided and how it was settled.</summary>
internal sealed class ScriptedPolicy : IPolicyDecisionPoint, IPolicySnapshot, IRunPolicy, IQuotaLimitSource
{
    public bool Exists { get; set; } = true;

    public SandboxLimits Limits { get; set; } = new();

    public RunBudget Budget { get; set; } = new();

    public string? DefaultModel { get; set; } = "m";

    public HashSet<string> Agents { get; } = [];

    public HashSet<string> Hidden { get; } = [];

    public Func<PolicyCall, Decision> Rule { get; set; } = _ => new Decision(Verdict.Allow, null, BundleDigest.Of([1]));

    public List<(string Resource, CallOutcome Outcome)> Settled { get; } = [];

    public BundleDigest Digest { get; set; } = BundleDigest.Of([1]);

    public BundleDigest Bundle => Digest;

    public TenantPolicy Tenant { get; set; } = new(new QuotaLimits(), [], []);

    public static Decision Deny(ReasonCode code) =>
        new(Verdict.Deny, new RuntimeError(code, "scripted"),
            BundleDigest.Of([1])) { DeterminingPolicies = ["rule-1"] };

    public IPolicySnapshot? Current(TenantId tenant) => Exists ? this : null;

    /// <summary>Bundles that were in force and are still kept.</summary>
    public HashSet<BundleDigest> Kept { get; } = [];

    public ValueTask<IPolicySnapshot?> FindAsync(
        TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        new(Exists && (digest == Digest || Kept.Contains(digest)) ? this : null);

    public QuotaLimits? Find(TenantId tenant) => Exists ? Tenant.Quota : null;

    public AgentPolicy? FindAgent(string qualifiedName) =>
        Agents.Contains(qualifiedName)
            ? new AgentPolicy(qualifiedName, Limits, Budget) { DefaultModel = DefaultModel } : null;

    public RuntimeError? RefusalToStart(WorkIdentity identity, DateTimeOffset at) => null;

    public IRunPolicy Open(WorkIdentity identity) => this;

    public IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered) =>
        [.. offered.Where(t => !Hidden.Contains(t))];

    public Decision Decide(PolicyCall call) => Rule(call);

    public void Settle(PolicyCall call, CallOutcome outcome)
    {
        lock (Settled)
            Settled.Add((call.Resource, outcome));
    }

    public List<string> Approved { get; } = [];

    public void Approve(PolicyCall call, DateTimeOffset at)
    {
        lock (Settled)
            Approved.Add(call.Resource);
    }

    public static ToolDescriptor Tool(string name, string schema) =>
        new(name, $"does {name}", JsonElement.Parse(schema));
}
