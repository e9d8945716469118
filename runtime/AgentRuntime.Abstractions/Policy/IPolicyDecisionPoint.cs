namespace AgentRuntime.Abstractions;

/// <summary>Holds each tenant's policy bundle in force. Thread-safe; a bundle is replaced atomically.</summary>
public interface IPolicyDecisionPoint
{
    /// <summary>
    /// The bundle in force for a tenant; null when it has none, and then nothing is allowed (AR2001). Work in flight
    /// keeps the snapshot that it started with.
    /// </summary>
    IPolicySnapshot? Current(TenantId tenant);

    /// <summary>
    /// A bundle that the tenant has or had in force, for work that started with it; null when it is not kept any more.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002.</exception>
    ValueTask<IPolicySnapshot?> FindAsync(TenantId tenant, BundleDigest digest, CancellationToken cancellationToken) =>
        new(Current(tenant) is { } current && current.Digest == digest ? current : null);
}

/// <summary>One version of a tenant's bundle, compiled. Immutable and thread-safe.</summary>
public interface IPolicySnapshot
{
    /// <summary>The bundle's content address; every decision names it.</summary>
    BundleDigest Digest { get; }

    /// <summary>What the bundle says of the tenant as a whole.</summary>
    TenantPolicy Tenant { get; }

    /// <summary>What the bundle says of an agent; null when it does not name it (AR2006).</summary>
    /// <param name="qualifiedName"><c>project/agent</c>.</param>
    AgentPolicy? FindAgent(string qualifiedName);

    /// <summary>Why no run may start for an agent now, such as its quarantine; null when one may.</summary>
    /// <param name="identity">Whose run it would be.</param>
    /// <param name="at">The time.</param>
    RuntimeError? RefusalToStart(WorkIdentity identity, DateTimeOffset at);

    /// <summary>Begins deciding for one run, or for one direct request of a client.</summary>
    IRunPolicy Open(WorkIdentity identity);
}

/// <summary>
/// Decides the calls of one run and remembers what its rules need of the run's history, calls in flight included.
/// Thread-safe: two concurrent calls cannot both be the last that is allowed.
/// </summary>
public interface IRunPolicy
{
    /// <summary>The bundle that decides.</summary>
    BundleDigest Bundle { get; }

    /// <summary>The tools that some call with some arguments could be allowed for; others are hidden.</summary>
    /// <param name="offered">The qualified names that the bundle's tool servers offer.</param>
    IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered);

    /// <summary>Decides a call. An allowed call counts as in flight until it is settled.</summary>
    Decision Decide(PolicyCall call);

    /// <summary>Tells how an allowed call ended, once.</summary>
    void Settle(PolicyCall call, CallOutcome outcome);

    /// <summary>
    /// Tells that a person approved a call that required it. The call, or one that the bundle takes for the same, is
    /// then
    /// allowed once when it is decided again in time. An implementation that knows no approvals ignores it.
    /// </summary>
    /// <param name="call">The call as it was decided.</param>
    /// <param name="at">When it was approved.</param>
    void Approve(PolicyCall call, DateTimeOffset at)
    {
    }
}

/// <summary>What is to be decided.</summary>
public enum PolicyAction : byte
{
    /// <summary>Calling a tool; the resource is <c>server/tool</c>.</summary>
    CallTool = 1,

    /// <summary>Asking a model; the resource is the model's name.</summary>
    UseModel = 2,

    /// <summary>
    /// Reading memory; the resource is the bucket's name. The arguments are <c>{"key": …}</c>, and <c>{}</c> for
    /// listing keys.
    /// </summary>
    ReadMemory = 3,

    /// <summary>Changing memory; the resource is the bucket's name, the arguments are <c>{"key": …}</c>.</summary>
    WriteMemory = 4,
}

/// <summary>How an allowed call ended.</summary>
public enum CallOutcome : byte
{
    /// <summary>It did what was asked.</summary>
    Succeeded = 1,

    /// <summary>It failed, or nobody knows whether it took effect.</summary>
    Failed = 2,

    /// <summary>It was never sent.</summary>
    NotSent = 3,
}

/// <summary>One call to decide. Immutable; compared by reference when settled.</summary>
/// <param name="Action">What is to be done.</param>
/// <param name="Resource">To what: a tool's or a model's name.</param>
/// <param name="Arguments">The arguments as a JSON object; <c>{}</c> when there are none.</param>
/// <param name="At">The time of the call.</param>
public sealed record PolicyCall(
    PolicyAction Action,
    string Resource,
    System.Text.Json.JsonElement Arguments,
    DateTimeOffset At)
{
    /// <summary>
    /// It was made before a restart and is only told again, so that the history is whole: threat rules neither count
    /// nor refuse it.
    /// </summary>
    public bool IsReplay { get; init; }
}
