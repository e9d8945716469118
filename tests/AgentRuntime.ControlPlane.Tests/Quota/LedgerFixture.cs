using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.ControlPlane.Tests;

/// <summary>A ledger over one tenant with limits that a test chooses, and one model with a price.</summary>
internal sealed class LedgerFixture : IQuotaLimitSource
{
    public const string Model = "m";

    /// <summary>1, 0.25 and 2 micro-dollars a token.</summary>
    public static readonly ModelPrice Price = new(new(1_000_000), new(250_000), new(2_000_000));

    private readonly TenantId _tenant = TenantId.New(TimeProvider.System);

    public LedgerFixture() => Ledger = NewLedger();

    public ManualTime Time { get; } = new();

    public QuotaLimits? Limits { get; set; } = new();

    public QuotaLedger Ledger { get; private set; }

    /// <summary>What outlives a ledger.</summary>
    public MemorySpendStore Spend { get; } = new();

    public WorkIdentity Caller => new(_tenant, "acme", new ProjectId(_tenant.Value), "demo", "key:key_1");

    /// <summary>A process is killed and another one goes on.</summary>
    public void Crash() => Ledger = NewLedger();

    /// <summary>A process ends and another one goes on.</summary>
    public async Task RestartAsync()
    {
        await Ledger.DisposeAsync();
        Crash();
    }

    public WorkIdentity NewRun() => Caller with { Run = RunId.New(TimeProvider.System) };

    public QuotaLimits? Find(TenantId tenant) => tenant == _tenant ? Limits : null;

    public async Task<ReserveOutcome> ReserveAsync(
        long prompt, long output, WorkIdentity? identity = null, string model = Model) =>
        await Ledger.ReserveAsync(
            new Reservation(identity ?? Caller, model, new(prompt), new(output)), CancellationToken.None);

    public async Task<QuotaHold> HoldAsync(long prompt, long output, WorkIdentity? identity = null) =>
        Assert.IsType<ReserveOutcome.Granted>(await ReserveAsync(prompt, output, identity)).Hold;

    public async Task<RuntimeError> RefusalAsync(
        long prompt, long output, WorkIdentity? identity = null, string model = Model) =>
        Assert.IsType<ReserveOutcome.Refused>(await ReserveAsync(prompt, output, identity, model)).Error;

    public async Task<MicroUsd> SettleAsync(QuotaHold hold, long prompt, long cached, long output) =>
        await Ledger.SettleAsync(
            hold, new InferenceUsage(new(prompt), new(cached), new(output)), CancellationToken.None);

    private QuotaLedger NewLedger() => new(
        this, new ConfiguredPriceBook(new Dictionary<string, ModelPrice> { [Model] = Price }), Spend, Time);
}
